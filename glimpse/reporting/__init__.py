"""Reports: an HTML page and pictures of what a run's agent does."""
