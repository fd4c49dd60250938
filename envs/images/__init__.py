"""Image environments: data sets, retina, canvases and batched environments."""
