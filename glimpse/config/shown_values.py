"""How values and paths are written in messages."""

from pathlib import Path


def shown_path(path: Path) -> str:
    """Write a file's path on one line, in quotes if it holds control characters."""
    return str(path) if str(path).isprintable() else repr(str(path))


def shortened(text: str) -> str:
    """Return a text of at most 60 characters, with its beginning where it is longer."""
    return text if len(text) <= 60 else f"{text[:57]}..."
