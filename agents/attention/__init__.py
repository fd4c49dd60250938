"""Attention mechanisms, a file a family, with one call: (query, key, value, mask) -> context and weights."""
