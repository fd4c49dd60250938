"""Trained agents for other people: packed runs, their cards, the zoo's list, and the Hugging Face Hub."""
