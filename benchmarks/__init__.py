"""What the service costs, measured beside the bare tool in the same run: `python -m benchmarks`."""
