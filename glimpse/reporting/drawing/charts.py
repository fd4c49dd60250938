"""Line charts: their data, axes and layout. `chart_drawing` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from glimpse.reporting.drawing.axes import (
    Axis,
    linear_axis,
    logarithmic_axis,
    multiples,
    number_text,
    powers,
    round_step,
)

Tone = Literal["agent", "sampled", "averaged", "control", "paper", "public"]
Spot = tuple[float, float]

_LETTER = 6.4
"""Width of a letter of a line's name, in pixels; the viewer's font is at most as wide on average."""
_LEAST_MARGIN = 60
_MOST_DOTS = 12
_MOST_POINTS = 400
"""Maximum number of points of a line; where there are more, means of consecutive points are drawn."""


@dataclass(frozen=True)
class Series:
    """A line through points (x, y); a y of None breaks it. The tone determines its colour."""

    name: str
    points: tuple[tuple[float, float | None], ...]
    tone: Tone = "agent"


@dataclass(frozen=True)
class Chart:
    """One or more lines.

    title: heading.
    horizontal: name of the horizontal axis.
    series: the lines.
    ratio: whether the vertical axis is logarithmic for positive values that are far apart.
    """

    title: str
    horizontal: str
    series: tuple[Series, ...]
    ratio: bool = False

    @property
    def labelled(self) -> bool:
        """True if the lines are labelled with their names."""
        return len(self.series) > 1

    @property
    def logarithmic(self) -> bool:
        """True if the vertical axis is logarithmic."""
        heights = self._heights()
        return self.ratio and bool(heights) and min(heights) > 0 and max(heights) > 20 * min(heights)

    def across(self, ticks: int) -> "Axis":
        """Return the horizontal axis, with about `ticks` ticks at whole numbers."""
        positions = [x for one in self.series for x, _ in one.points] or [0.0]
        low, high = min(positions), max(positions)
        low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
        return Axis(low, high, multiples(low, high, round_step(max(1.0, (high - low) / ticks))))

    def up(self) -> "Axis":
        """Return the vertical axis."""
        heights = self._heights() or [0.0, 1.0]
        if not self.logarithmic:
            return linear_axis(heights)
        axis = logarithmic_axis(heights)
        # An error of 90 % leaves no room above 100 %.
        return Axis(axis.low, 100.0, powers(axis.low, 100.0), True) if max(heights) <= 100 < axis.high else axis

    def _heights(self) -> list[float]:
        return [y for one in self.series for _, y in one.points if y is not None]


class Rule(NamedTuple):
    """A grid line."""

    start: Spot
    end: Spot


class Dot(NamedTuple):
    """A dot: full for a measured value, a ring for a published one."""

    x: float
    y: float
    tone: Tone
    ring: bool = False


class Label(NamedTuple):
    """Text on a baseline, with its left end, middle or right end at x. Names of lines have the line's tone."""

    x: float
    y: float
    text: str
    anchor: Literal["l", "m", "r"]
    tone: Tone | None = None


class Curve(NamedTuple):
    """A line through spots, broken where one is None; with dots if the spots are few."""

    tone: Tone
    spots: list[Spot | None]

    def segments(self) -> list[list[Spot]]:
        """Return the unbroken parts of the line."""
        groups = groupby(self.spots, key=lambda spot: spot is not None)
        return [[spot for spot in group if spot is not None] for known, group in groups if known]

    def dots(self) -> list[Spot]:
        """Return the spots at which dots are drawn."""
        known = [spot for spot in self.spots if spot is not None]
        return known if len(known) <= _MOST_DOTS else []


class Band(NamedTuple):
    """The area between a lower and an upper edge, both from left to right."""

    tone: Tone
    lower: list[Spot]
    upper: list[Spot]

    def edge(self) -> list[Spot]:
        """Return the band's outline."""
        return [*self.lower, *reversed(self.upper)]


Mark = Rule | Dot | Label | Curve | Band


def chart_marks(chart: Chart, width: int, height: int) -> list[Mark]:
    """Return all marks of a chart, from back to front, in pixels from the top left corner."""
    up = chart.up()
    longest = max(len(number_text(tick)) for tick in up.ticks)
    left, right, top, bottom = max(40, 10 + 7 * longest), width - _margin(chart), 10, height - 36
    across = chart.across(int((right - left) // 55))

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    levels = [(spot(across.low, tick)[1], tick) for tick in up.ticks]
    curves = [
        Curve(one.tone, [None if y is None else spot(x, y) for x, y in thinned(one.points)]) for one in chart.series
    ]
    return [
        *(Rule((left, y), (right, y)) for y, _ in levels),
        *(Label(left - 8, y + 4, number_text(tick), "r") for y, tick in levels),
        *(Label(spot(tick, up.low)[0], height - 20, number_text(tick), "m") for tick in across.ticks),
        Label(right, height - 5, chart.horizontal, "r"),
        *reversed(curves),
        *(_names(chart.series, curves, right + 10, bottom) if chart.labelled else []),
    ]


def _margin(chart: Chart) -> float:
    """Return the width at the right, in which the names of the lines stand."""
    if not chart.labelled:
        return 12
    return max(_LEAST_MARGIN, 16 + max(_LETTER * len(one.name) for one in chart.series))


def _names(series: Sequence[Series], curves: Sequence[Curve], left: float, bottom: float) -> list[Label]:
    """Return each line's name beside its end, moved so that names neither overlap nor leave the chart."""
    ends = [next((spot[1] for spot in reversed(curve.spots) if spot), bottom) for curve in curves]
    names, lowest = [], float(bottom)
    for end, one in sorted(zip(ends, series, strict=True), key=lambda pair: -pair[0]):
        lowest = min(end, lowest)
        names.append(Label(left, lowest + 4, one.name, "l", one.tone))
        lowest -= 15
    highest = 15.0
    for number, name in reversed(list(enumerate(names))):
        names[number] = name._replace(y=max(name.y, highest))
        highest = names[number].y + 15
    return names


def thinned(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """Return the points, or means over equal groups of consecutive points if there are too many.

    A group without values is a gap.
    """
    size = -(-len(points) // _MOST_POINTS)
    if size <= 1:
        return list(points)
    return [_mean(points[first : first + size]) for first in range(0, len(points), size)]


def _mean(points: Sequence[tuple[float, float | None]]) -> tuple[float, float | None]:
    """Return the mean of points, over those that have a value."""
    known = [y for _, y in points if y is not None]
    return sum(x for x, _ in points) / len(points), sum(known) / len(known) if known else None
