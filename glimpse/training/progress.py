"""Progress of a running training: one changing line on a terminal, plain lines elsewhere."""

import re
import time
from collections.abc import Mapping

from glimpse.envs.live_line import LiveLine, clock, is_live, percent
from glimpse.envs.printed_lines import print_line
from glimpse.runs.metric_names import VALIDATION, plain_name

_SHARES = ("accuracy", "rate", "f1", "precision", "recall")
"""Ends of the names of metrics that are fractions."""
_WORDS = {"bleu": "BLEU", "f1": "F1"}


class Progress:
    """Printer of the share that is done, time left, metrics and speed; elsewhere than on a terminal, now and then."""

    def __init__(self, every: float = 10.0) -> None:
        """Start to measure the speed; where there is no terminal, a line is printed at most each `every` seconds."""
        self._line, self._every = LiveLine(), every
        self._shown, self._since = 0.0, (0, time.perf_counter())

    def start_from(self, step: int) -> None:
        """Leave the steps before this one out of the speed."""
        self._since = (step, time.perf_counter())

    def say(self, text: str) -> None:
        """Print a permanent line."""
        self._line.clear()
        print_line(text)

    def close(self) -> None:
        """Remove the line."""
        self._line.close()

    def show(
        self,
        step: int,
        total: int | None,
        done: float,
        seconds_left: float | None,
        batch: int | None,
        metrics: Mapping[str, float],
    ) -> None:
        """Show the step, the share that is done, the time left, metrics, and the speed.

        Args:
            step: number of steps made.
            total: number of all steps, None if it is not known.
            done: fraction of training done, in [0, 1].
            seconds_left: time left, None to derive it from the speed.
            batch: examples in a step; None where that is not one number.
            metrics: numbers by their names in the log.
        """
        now = time.perf_counter()
        if not is_live() and now - self._shown < self._every and step != total and seconds_left != 0:
            return
        rate = (step - self._since[0]) / max(now - self._since[1], 1e-9)
        if seconds_left is None:
            seconds_left = (total - step) / rate if total and rate else None
        left = "?" if seconds_left is None else clock(seconds_left)
        speed = f"{rate:,.1f} steps/s" if batch is None else f"{rate * batch:,.0f} examples/s"
        shown = [with_unit(name, value) for name, value in metrics.items()]
        parts = [f"step {step}{f'/{total}' if total else ''}", percent(done), f"{left} left", *shown, speed]
        if is_live():
            self._line.show(parts, done)
        else:
            self._shown = now
            print_line("  ".join(parts))


def with_unit(key: str, value: float) -> str:
    """Return a metric in words, all shares in percent: `train/accuracy` 0.9 is "accuracy 90 %"."""
    name = re.sub(r"_m\d+$", "", plain_name(key))
    words = " ".join(_WORDS.get(word, word) for word in name.split("_"))
    words = f"validation {words}" if key.startswith(VALIDATION) else words
    if name.endswith(_SHARES):
        return f"{words} {100 * value:.3g} %"
    return f"{words} {value:.3g} %" if name == "error" else f"{words} {value:z.4g}"
