"""What a user can get wrong about data."""


class DataError(ValueError):
    """A data set is missing, damaged or not what it claims to be; the message says which file and what to do."""
