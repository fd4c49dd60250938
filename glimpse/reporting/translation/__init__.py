"""The report of a run that translates."""
