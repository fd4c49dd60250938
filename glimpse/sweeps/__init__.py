"""Sweeps: many runs of one config with other values, chosen by validation, on one machine or on a Ray cluster."""
