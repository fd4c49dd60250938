"""What is measured and shown of runs that translate."""
