"""Report of a run that translates."""
