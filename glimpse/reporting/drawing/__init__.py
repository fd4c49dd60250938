"""Charts, scanpaths, heat maps and animations, as images and SVG."""
