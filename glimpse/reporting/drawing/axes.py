"""Axes of charts: ranges of values that end at round numbers, and their ticks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A range of values and its ticks, which are round numbers."""

    low: float
    high: float
    ticks: list[float]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return the position of a value on the axis, 0 at the low end and 1 at the high end."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def logarithmic_axis(values: Sequence[float]) -> Axis:
    """Return a logarithmic axis for positive values, with a little room at both ends."""
    low, high = min(values) / 1.15, max(values) * 1.15
    return Axis(low, high, powers(low, high), logarithmic=True)


def linear_axis(values: Sequence[float]) -> Axis:
    """Return a linear axis that starts and ends at round numbers, and starts at zero if the values come near it."""
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # A single value: from zero to the next round number, so that an accuracy of 0.9 ends at 1 and not beyond.
        reach = round_step(max(abs(low), abs(high))) if high else 1.0
        low, high = (-reach, 0.0) if high < 0 else (0.0, reach)
    low = 0.0 if 0 < low < high / 2 else low
    step = round_step((high - low) / 4)
    low, high = math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step
    return Axis(low, high, multiples(low, high, step))


def multiples(low: float, high: float, step: float) -> list[float]:
    """Return the multiples of `step` from `low` to `high`."""
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [number * step for number in range(first, last + 1)]


def powers(low: float, high: float) -> list[float]:
    """Return the powers of ten from `low` to `high`; over a short range also two and five times these."""
    mantissas = (1, 2, 5) if high < 300 * low else (1,)
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    return [m * 10.0**decade for decade in decades for m in mantissas if low <= m * 10.0**decade <= high]


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is at least `least`."""
    decade = 10.0 ** math.floor(math.log10(least))
    return next(step for step in (decade, 2 * decade, 5 * decade, 10 * decade) if step >= least * (1 - 1e-9))


def number_text(value: float) -> str:
    """Return a tick's number as text: 0.02, 1.5, 300, 20k, 5M."""
    for least, unit, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / unit:g}{letter}"
    return f"{round(value, 10):g}"
