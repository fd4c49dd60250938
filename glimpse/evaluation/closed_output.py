"""Standard output that may be closed by its reader before a record is written."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class _ClosedOutput:
    """Text stream that drops what its target does not take, and remembers why."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self.problem: OSError | None = None

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        self._try(lambda: self._target.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush the target, if it still takes something."""
        self._try(self._target.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def _try(self, action: Any) -> None:
        try:
            if self.problem is None:
                action()
        except OSError as error:
            self.problem = error


@contextmanager
def surviving_closed_output() -> Iterator[None]:
    """Let work end although nobody reads what it prints, as in `glimpse evaluate RUN | head -1`; then raise the error.

    Raises:
        OSError: at the end, if something could not be printed.
    """
    output = _ClosedOutput(sys.stdout)
    sys.stdout = cast(TextIO, output)
    try:
        yield
    finally:
        sys.stdout = output._target
    if output.problem is not None:
        raise output.problem
