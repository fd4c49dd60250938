"""Errors of data sets."""


class DataError(ValueError):
    """Error of a data set that is missing, damaged or of the wrong format.

    The message names the file and says what to do.
    """
