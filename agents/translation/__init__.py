"""Agents that translate: encoders, decoders with attention, and the search for the best translation."""
