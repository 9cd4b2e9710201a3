"""Benchmarks: each figure that the project promises, by one command: `python -m benchmarks`."""
