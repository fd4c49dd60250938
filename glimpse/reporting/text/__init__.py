"""The report of a run on texts."""
