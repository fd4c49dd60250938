"""Standard streams of the command `glimpse`: they may be closed, full, or of an encoding that lacks letters."""

import io
import os
import sys
from contextlib import suppress

from glimpse.envs.live_line import clear_line
from glimpse.envs.printed_lines import print_error_line


def open_closed_streams() -> None:
    """Open what the parent process has closed, as in `glimpse list >&-`, on the null device.

    Otherwise the next file that is opened takes the stream's number, and is written into by whoever prints.
    """
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number and not _is_open(number):
                os.dup2(descriptor, number)
                os.close(descriptor)
                descriptor = number
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False))


def show_all_letters() -> None:
    """Let a terminal with an 8-bit encoding show other characters by their numbers, as standard error does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def drop_output() -> None:
    """Give up what was printed and not yet written: nobody reads it, or there is no room for it."""
    with suppress(OSError, ValueError):  # The output may be no file of the system, as in tests.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_problem(text: str) -> None:
    """Print a line for the user on standard error; it is lost if that is full. Control characters are shown by number.

    A message may name what came from elsewhere, such as a file's name, which could otherwise rewrite the terminal.
    """
    shown = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
    with suppress(OSError):
        clear_line()
        print_error_line(shown)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
