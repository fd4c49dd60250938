"""Benchmarks of speed and memory: `glimpse bench`."""
