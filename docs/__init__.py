"""The documentation: pages in Markdown, and the code that makes the rest of them; see `docs.generator.build_site`."""
