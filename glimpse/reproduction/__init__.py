"""Tables and figures of results: `glimpse reproduce`."""
