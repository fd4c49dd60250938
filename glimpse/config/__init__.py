"""Configs of experiments: their schema, their files, and the messages for mistakes in them."""
