"""Training: the loop, the learners, and the order of examples."""
