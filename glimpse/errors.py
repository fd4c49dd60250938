"""Errors of a user; the command line prints the message and exits with code 2."""


class UserError(Exception):
    """Mistake of a user: the message says what was expected, what came, and what to do."""
