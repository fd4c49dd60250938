"""Agents that translate: encoders, decoders with attention, beam search, and simultaneous translation."""
