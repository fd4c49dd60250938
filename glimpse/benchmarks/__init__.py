"""Measurements of speed: `glimpse bench`."""
