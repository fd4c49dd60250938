"""Errors of agents that a user can mend."""


class AgentError(ValueError):
    """Raised when an agent cannot read its input; the message says what was expected, what came, and what to do."""
