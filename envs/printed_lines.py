"""Lines for people: on a terminal they are divided between words, elsewhere each is one line."""

import os
import sys
from typing import TextIO


def print_line(text: str, file: TextIO | None = None) -> None:
    """Print a message, whose lines are divided between words where the terminal is narrower.

    Args:
        text: one or more lines; their indents are kept.
        file: stream; standard output by default.
    """
    file = file or sys.stdout
    print(wrapped(text, terminal_width(file)), file=file, flush=True)


def print_error_line(text: str) -> None:
    """Print a message on standard error, as `print_line` does."""
    print_line(text, sys.stderr)


def terminal_width(file: TextIO) -> int | None:
    """Return the number of cells of a stream's terminal, None where it is none; COLUMNS and TTY_COMPATIBLE decide."""
    compatible = os.environ.get("TTY_COMPATIBLE")
    if compatible == "0" or not (compatible == "1" or file.isatty()):
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(file.fileno()).columns or None
    except (OSError, ValueError):
        return None


def wrapped(text: str, width: int | None) -> str:
    """Return a text whose lines have at most a number of cells, where words are no longer; None leaves it as it is."""
    if width is None or max(map(len, text.splitlines()), default=0) <= width // 2:  # A letter has two cells at most.
        return text
    from rich.cells import cell_len

    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        whole = cell_len(line) <= width
        lines += [line] if whole else [indent + part for part in divided(line, width - cell_len(indent))]
    return "\n".join(lines)


def divided(text: str, width: int) -> list[str]:
    """Divide a text between words into lines of at most a number of cells; a longer word has a line of its own."""
    from rich.cells import cell_len

    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
