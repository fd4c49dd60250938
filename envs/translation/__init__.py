"""Parallel texts, tokenizers, and the environments of translation and of simultaneous translation."""
