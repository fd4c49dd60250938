"""Use of trained agents: loading a run, and predictions for pictures and texts of the user's own."""
