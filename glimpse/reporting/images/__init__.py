"""Report of a run on images."""
