"""Plain text and tables as Markdown."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\*_\[\]<>|{}$#~])")


def plain(text: str) -> str:
    """Escape what has a meaning in Markdown, and keep code between backticks."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(_in_a_cell(part) if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def code(value: object) -> str:
    """Return a value as code that may stand in a cell of a table."""
    return _in_a_cell(f"`{value}`")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells, which are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _in_a_cell(text: str) -> str:
    return text.replace("|", r"\|")
