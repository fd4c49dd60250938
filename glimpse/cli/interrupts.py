"""Ctrl-C in the command `glimpse`: one word and exit code 130, from its first imports until the process has ended."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C."""
_Handler = Callable[[int, FrameType | None], None]


def is_command_line() -> bool:
    """Return whether this process was started as the command `glimpse`, or as `python -m glimpse`."""
    if sys.argv[:1] == ["-m"]:  # While Python looks for the module.
        return any(word.partition(".")[0] == "glimpse" for word in sys.orig_argv)
    return Path(*sys.argv[:1]).stem == "glimpse"


def exit_on_interrupt() -> None:
    """Let Ctrl-C end the process at once, while modules are imported or the interpreter shuts down."""
    _handle_interrupts(_exit)


@contextmanager
def collecting_interrupts(of_process: bool) -> Iterator[list[int]]:
    """Collect Ctrl-C in a list, beside raising KeyboardInterrupt, until the context ends.

    A library may turn KeyboardInterrupt into another error, as NumPy does while it is imported; the list tells.

    Args:
        of_process: whether the signals are this command's own. They are the caller's, where Python calls `main`.
    """
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    def exit_if_lost(lost: "sys.UnraisableHookArgs") -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):  # Raised where Python can only print it.
            _exit(signal.SIGINT, None)
        sys.__unraisablehook__(lost)

    if of_process and _handle_interrupts(note):
        sys.unraisablehook = exit_if_lost
    try:
        yield seen
    finally:
        if of_process:
            exit_on_interrupt()


def _handle_interrupts(handler: _Handler) -> bool:
    """Set the handler of Ctrl-C; return False where that is another one's, as in the background or in a thread."""
    if threading.current_thread() is not threading.main_thread():
        return False
    now = signal.getsignal(signal.SIGINT)
    if now is not signal.default_int_handler and getattr(now, "__module__", "") != __name__:
        return False
    signal.signal(signal.SIGINT, handler)
    return True


def _exit(number: int, frame: FrameType | None) -> None:
    """End the process without any more work."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)
