"""Generator of the documentation: pages that are made from registries, options, docstrings and results."""
