"""The media engine: probe, plan, execute, verify. It knows no database, web framework, queue or network."""
