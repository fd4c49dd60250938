"""Gymnasium and Stable-Baselines3 interfaces of batched environments."""
