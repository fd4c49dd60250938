"""What is shown of runs that read texts: pictures, a report, and answers to texts of the user's own."""
