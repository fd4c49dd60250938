"""Image environments: data sets, retina, canvases and tasks."""
