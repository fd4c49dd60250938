"""The command `glimpse`: a file for each subcommand."""
