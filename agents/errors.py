"""What a user can ask of an agent that it cannot do."""


class AgentError(ValueError):
    """An agent cannot read what it is shown; the message says what was expected, what came, and what to do."""
