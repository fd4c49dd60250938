"""One line that shows how far something is: by rich.progress on a terminal, as plain lines now and then elsewhere.

It is written to standard error. On a terminal there is one such line at a time, that of what was begun last, and
nothing is left of it in the end, however it ends.
"""

import atexit
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Literal, TypeVar

_Item = TypeVar("_Item")
_REDRAWN = 0.2
"""Seconds between two states of the line."""
_WIDEST, _NARROWEST = 40, 8
"""Cells of the bar."""


def is_live() -> bool:
    """Return whether standard error is a terminal on which a line can change."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def fitting(parts: Sequence[str], width: int) -> list[str]:
    """Return the parts, whole, that fit beside each other into a width: later ones are left out first.

    A part in front that is wider than all of the line is left out as well.

    Args:
        parts: what the line says, the most important first.
        width: cells, of which a wide character takes two; there are two between parts.
    """
    from rich.cells import cell_len

    kept: list[str] = []
    used = 0
    for part in parts:
        taken = cell_len(part) + (2 if kept else 0)
        if used + taken > width:
            if kept:
                break
            continue
        kept.append(part)
        used += taken
    return kept


class LiveLine:
    """A line that changes; it is drawn on a terminal only, and while nothing was begun later."""

    def __init__(self, after: float = 0.0) -> None:
        """Make a line that is first drawn when some seconds have passed."""
        self._next = time.perf_counter() + after

    def show(self, parts: Sequence[str], fraction: float | None = None) -> None:
        """Draw a state of the line, unless the last one was drawn just now.

        Args:
            parts: what it says, the most important first; see `fitting`.
            fraction: how much is done, in [0, 1], as a bar; None where that is not known.
        """
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + _REDRAWN
            _screen.draw(self, parts, fraction)

    def clear(self) -> None:
        """Remove the line, so that something can be printed; it is drawn again by the next `show`."""
        _screen.clear()

    def close(self) -> None:
        """Remove the line for good."""
        _screen.close(self)


class _Screen:
    """What is drawn on the terminal."""

    def __init__(self) -> None:
        self._lines: list[LiveLine] = []
        self._drawn: _Drawn | None = None
        self._lock = RLock()

    def draw(self, line: LiveLine, parts: Sequence[str], fraction: float | None) -> None:
        """Draw a line, if no later one is open."""
        with self._lock:
            if not is_live():
                return
            if line not in self._lines:
                self._lines.append(line)
            if line is not self._lines[-1]:
                return
            if self._drawn is None:
                self._drawn = _Drawn()
            self._drawn.state(parts, fraction)

    def clear(self) -> None:
        """Remove what is drawn."""
        with self._lock:
            drawn, self._drawn = self._drawn, None
            if drawn is not None:
                drawn.end()

    def close(self, line: LiveLine) -> None:
        """Remove a line; the one before it is drawn by its next `show`."""
        with self._lock:
            if line in self._lines:
                self._lines.remove(line)
                self.clear()


_screen = _Screen()


class _Drawn:
    """A line on the terminal: its first part, a bar if there is room, and the rest."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        class Cursor(Console):
            """Console that never hides the cursor: a process that is killed could not bring it back."""

            def show_cursor(self, show: bool = True) -> bool:
                return False

        self._first, self._rest = (TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("first", "rest"))
        self._bar = BarColumn()
        self.progress = Progress(
            self._first,
            console=Cursor(stderr=True, force_terminal=True, force_jupyter=False, highlight=False),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,  # It may be a file.
        )
        self._task = self.progress.add_task("", total=1.0, first="", rest="")
        self.progress.start()
        atexit.register(self.progress.stop)

    def end(self) -> None:
        """Remove the line."""
        self.progress.stop()
        atexit.unregister(self.progress.stop)

    def state(self, parts: Sequence[str], fraction: float | None) -> None:
        """Draw a state."""
        from rich.cells import cell_len

        room = self.progress.console.width - 1  # The last cell is free: some terminals begin a new line after it.
        first, *rest = fitting(parts, room) or [""]
        shown = "  ".join([first, *rest])
        left = min(_WIDEST, room - 2 - cell_len(shown))
        if fraction is None or left < _NARROWEST:
            self.progress.columns = (self._first,)
            first, rest = shown, []
        else:
            self.progress.columns = (self._first, self._bar, self._rest)
            self._bar.bar_width = left
        self.progress.update(self._task, first=first, rest="  ".join(rest), completed=fraction or 0.0, refresh=True)


@contextmanager
def progress_of(
    what: str,
    total: int | None = None,
    unit: Literal["", "bytes"] = "",
    after: float = 1.0,
    every: float = 60.0,
) -> Iterator[Callable[[int], None]]:
    """Show how far something is while the context lasts; yields the function that counts what was done.

    Args:
        what: what is done, as "greedy episodes".
        total: number of all; None if it is not known.
        unit: `bytes` are shown as megabytes.
        after: seconds until it is first shown on a terminal.
        every: seconds between two lines where there is no terminal.
    """
    line, done, begun = LiveLine(after), 0, time.perf_counter()
    printed = begun

    def advance(count: int) -> None:
        nonlocal done, printed
        done += count
        fraction = done / total if total else None
        now = time.perf_counter()
        if is_live():
            line.show(_parts(what, done, total, unit, now - begun), fraction)
        elif now - printed >= every:
            printed = now
            print("  ".join(_parts(what, done, total, unit, now - begun)), file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        line.close()


def counting(items: Iterable[_Item], advance: Callable[[int], None]) -> Iterator[_Item]:
    """Yield items, and count each when the next one is asked for."""
    for item in items:
        yield item
        advance(1)


def clear_line() -> None:
    """Remove the line, if there is one, before something else is printed."""
    _screen.clear()


def _parts(what: str, done: int, total: int | None, unit: str, seconds: float) -> list[str]:
    """Say what is done, how much of it, and how long it will take."""
    scale, form, mark = (1e6, ",.1f", " MB") if unit == "bytes" else (1, ",.0f", "")
    counted = f"{done / scale:{form}}"
    if not total:
        return [what, counted + mark]
    left = clock(seconds * (total - done) / done) if done else "?"
    return [what, percent(done / total), f"{counted}/{total / scale:{form}}{mark}", f"{left} left"]


def percent(fraction: float) -> str:
    """Return a fraction as a whole number of percent, which is 100 % at the end only."""
    return f"{int(100 * fraction)} %"


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds, 2:05, or hours, minutes and seconds, 1:02:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
