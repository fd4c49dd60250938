"""The experiment's config: its schema, its files, and the messages for mistakes in it."""
