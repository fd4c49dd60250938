"""Result tables and their figures: `glimpse reproduce`."""
