"""Paths that a user names in a config, an option or an environment variable."""

from pathlib import Path

from glimpse.envs.errors import DataError


def user_path(text: str, named_by: str) -> Path:
    """Return a path that does not depend on the working directory; `~` and `~NAME` are home folders.

    Args:
        text: The path as the user typed it.
        named_by: Where it is from, such as `task.data`, for the message.

    Raises:
        DataError: There is no such home folder, or the text is no path.
    """
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        user = text.split("/", 1)[0]
        raise DataError(
            f"{named_by} is {text!r}, but there is no home folder of {user!r} here: give the whole path"
        ) from None


def user_folder(text: str, named_by: str) -> Path:
    """Return the path of a folder, which need not be there.

    Raises:
        DataError: It is no path, or something else than a folder is there.
    """
    if not text:
        raise DataError(f"{named_by} is empty: give a folder, or leave it out")
    path = user_path(text, named_by)
    if path.exists() and not path.is_dir():
        raise DataError(f"{named_by} is {text!r}, which is a file: give the folder that holds the data sets' folders")
    return path
