"""Progress of a running training: one changing line on a terminal, plain lines elsewhere."""

import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence

from glimpse.runs.metric_names import VALIDATION, plain_name


class Progress:
    """Printer of speed, time left and metrics; without a terminal, at most a line every `every` seconds."""

    def __init__(self, every: float = 10.0) -> None:
        """Start to measure the speed."""
        self._terminal, self._every = sys.stderr.isatty(), every
        self._shown, self._since = 0.0, (0, time.perf_counter())

    def start_from(self, step: int) -> None:
        """Leave the steps before this one out of the speed."""
        self._since = (step, time.perf_counter())

    def say(self, text: str) -> None:
        """Print a permanent line."""
        self._clear()
        print(text, flush=True)

    def show(
        self, step: int, total: int | None, seconds_left: float | None, batch: int, metrics: Mapping[str, float]
    ) -> None:
        """Show the step, the speed, the time left and metrics.

        Args:
            step: number of steps made.
            total: number of all steps, None if it is not known.
            seconds_left: time left, None to derive it from the speed.
            batch: examples in a step.
            metrics: numbers by name.
        """
        now = time.perf_counter()
        if now - self._shown < (0.2 if self._terminal else self._every) and step != total and seconds_left != 0:
            return
        self._shown = now
        rate = (step - self._since[0]) / max(now - self._since[1], 1e-9)
        if seconds_left is None:
            seconds_left = (total - step) / rate if total and rate else None
        left = "?" if seconds_left is None else _clock(seconds_left)
        parts = [f"step {step}{f'/{total}' if total else ''}", f"{rate * batch:,.0f} examples/s", f"{left} left"]
        parts += [with_unit(name, value) for name, value in metrics.items()]
        if self._terminal:
            line = fitting(parts, shutil.get_terminal_size().columns - 1)
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
        else:
            print("  ".join(parts), flush=True)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def with_unit(key: str, value: float) -> str:
    """Return a metric in words, with errors and accuracies in percent: `train/accuracy` 0.9 is "accuracy 90 %"."""
    name = plain_name(key)
    words = re.sub(r"_m\d+$", "", name).replace("_", " ")
    words = f"validation {words}" if key.startswith(VALIDATION) else words
    if name.endswith("accuracy"):
        return f"{words} {100 * value:.3g} %"
    return f"{words} {value:.3g} %" if name.startswith("error_") else f"{words} {value:.4g}"


def fitting(parts: Sequence[str], width: int) -> str:
    """Join the parts that fit into a line, whole: later ones are left out first."""
    line = parts[0][:width]
    for part in parts[1:]:
        if len(line) + 2 + len(part) > width:
            break
        line += f"  {part}"
    return line


def _clock(seconds: float) -> str:
    """Format seconds as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
