"""Reports: an HTML page and pictures that show what the agent of a run does."""
