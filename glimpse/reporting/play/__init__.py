"""The page to play with: one HTML file in which a run's agent looks at digits, and its reader plays against it."""
