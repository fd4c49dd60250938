"""What a user can get wrong; the command line prints the message and exits with code 2."""


class UserError(Exception):
    """A mistake in what was asked: the message says what was expected, what came, and what to do."""
