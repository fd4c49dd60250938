"""A run: its folder, its checkpoints, its tracking, and the environment and agent that a config names."""
