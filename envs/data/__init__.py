"""Where data come from: sources, downloads, checked files and splits."""
