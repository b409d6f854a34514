"""Models that look at pictures on this machine. `local` stands in the worker and knows what is installed; all else runs
in the process that holds models (workers.providers.host), which is asked through `looking`."""
