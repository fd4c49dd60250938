"""Figures of tables in a plane: accuracy over what it costs, error over glimpses, accuracy over the words read."""

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Literal, NamedTuple

from glimpse.reporting.drawing.charts import (
    Axis,
    Band,
    Curve,
    Dot,
    Label,
    Mark,
    Rule,
    Spot,
    Tone,
    linear_axis,
    number_text,
)
from glimpse.reproduction.figure_parts import WIDTH, Figure, Line, fitting_axis, line_tone


class Point(NamedTuple):
    """A place in a plane of numbers, with a name beside it."""

    name: str
    x: float
    y: float
    tone: Tone


def costs_figure(lines: Sequence[Line]) -> Figure:
    """Accuracy over multiply-adds and over pixels, side by side."""
    width, height = WIDTH // 2, 360
    marks: list[Mark] = []
    for number, (cost, name) in enumerate((("multiply_adds", "multiply-adds"), ("pixels", "pixels read"))):
        points = [
            Point(line.entry.label, line.of[cost]["mean"], 100 - line.of["test_error_m1"]["mean"], line_tone(line))
            for line in lines
            if cost in line.of and "test_error_m1" in line.of
        ]
        marks += _plane(points, (number * width, 0), (width, height), name, "accuracy, %")
    return Figure(marks, WIDTH, height)


def glimpses_figure(lines: Sequence[Line]) -> Figure:
    """Error over the mean number of glimpses: agents that may stop, beside those that may not, joined by lines."""
    height, points = 400, []
    for line in lines:
        # The price is the label's last word; of those that never stop the number can be read below.
        name = "" if line.entry.control else line.entry.label.split()[-1]
        points.append(Point(name, line.of["glimpses"]["mean"], line.of["test_error_m1"]["mean"], line_tone(line)))
    legend: list[Mark] = []
    known: list[tuple[float, Tone, str]] = [
        (300, "agent", "may stop, at this price of a glimpse"),
        (560, "control", "always takes as many"),
    ]
    for left, tone, text in known:
        legend += [Dot(left, 18, tone), Label(left + 10, 22, text, "l")]
    plane = _plane(points, (0, 0), (WIDTH, height), "glimpses taken, mean", "error, %", joined=True)
    return Figure(plane + legend, WIDTH, height)


_FAMILIES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "sampled")
_SHARES = ("test_kept", "test_dependents", "test_read", "test_attended")
"""The metrics that are a share of words, in percent; where there is none, all are read."""


def rates_figure(lines: Sequence[Line]) -> Figure:
    """Accuracy over the share of words that is read: a curve for each family, and a band from worst to best seed."""
    families: dict[str, list[Line]] = {}
    for line in lines:
        if "test_accuracy" in line.of:
            families.setdefault(line.entry.family or line.entry.label, []).append(line)
    reached = [y for own in families.values() for line in own for y in line.of["test_accuracy"]["values"]]
    across, up = linear_axis([0.0, 100.0]), linear_axis(reached or [0.0, 100.0])
    left, right, top = 44, WIDTH - 24, 42 + 18 * -(-len(families) // 4)
    bottom = top + 316

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    bands: list[Mark] = []
    curves: list[Mark] = []
    tones = iter(_FAMILIES * len(families))
    for number, (name, own) in enumerate(families.items()):
        tone: Tone = "control" if own[0].entry.control else next(tones)
        band, curve = _family(tone, own, spot)
        bands.append(band)
        x, y = left + 6 + 196 * (number % 4), 16 + 16 * (number // 4)
        curves += [*curve, Dot(x, y, tone), Label(x + 10, y + 4, name, "l")]
    return Figure([*bands, *_grid(across, up, spot, "words read, %", "accuracy, %"), *curves], WIDTH, bottom + 46)


def _family(tone: Tone, lines: Sequence[Line], spot: Callable[[float, float], Spot]) -> tuple[Mark, list[Mark]]:
    """A family's band, and its curve with a dot for each line."""
    ordered = [(_share(line), line.of["test_accuracy"]["values"]) for line in sorted(lines, key=_share)]
    middle = [spot(x, mean(values)) for x, values in ordered]
    band: Mark = Band(tone, *([spot(x, edge(values)) for x, values in ordered] for edge in (min, max)))
    if len(ordered) == 1:  # A band without width.
        band = Rule(*(spot(x, edge(values)) for x, values in ordered for edge in (min, max)))
    return band, [Curve(tone, list(middle)), *(Dot(*place, tone) for place in middle)]


def _share(line: Line) -> float:
    """The share of words that a line reads, in percent."""
    return next((line.of[metric]["mean"] for metric in _SHARES if metric in line.of), 100.0)


def _plane(
    points: Sequence[Point], corner: Spot, size: Spot, horizontal: str, vertical: str, joined: bool = False
) -> list[Mark]:
    """Points in a plane with its axes; `joined`, those of one tone are on a line."""
    across, up = fitting_axis([one.x for one in points]), fitting_axis([one.y for one in points])
    left, right, top, bottom = corner[0] + 44, corner[0] + size[0] - 24, corner[1] + 34, corner[1] + size[1] - 46

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    marks = _grid(across, up, spot, horizontal, vertical)
    tones = dict.fromkeys(one.tone for one in points)
    if joined:
        marks += [
            Curve(tone, [spot(one.x, one.y) for one in sorted(points, key=lambda one: one.x) if one.tone == tone])
            for tone in tones
        ]
    places = [spot(one.x, one.y) for one in points]
    marks += [Dot(x, y, one.tone) for (x, y), one in zip(places, points, strict=True)]
    if joined:  # Beside the points there are the lines.
        return marks + _above_or_below(points, places)
    return marks + _beside(points, places, (left + right) / 2)


def _grid(across: Axis, up: Axis, spot: Callable[[float, float], Spot], horizontal: str, vertical: str) -> list[Mark]:
    """The lines of a plane, their numbers, and what is measured along its edges."""
    (left, bottom), (right, top) = spot(across.low, up.low), spot(across.high, up.high)
    marks: list[Mark] = [Label(left - 34, top - 16, vertical, "l"), Label(right, bottom + 36, horizontal, "r")]
    for tick in across.ticks:
        x = spot(tick, up.low)[0]
        marks += [Rule((x, top), (x, bottom)), Label(x, bottom + 18, number_text(tick), "m")]
    for tick in up.ticks:
        y = spot(across.low, tick)[1]
        marks += [Rule((left, y), (right, y)), Label(left - 8, y + 4, number_text(tick), "r")]
    return marks


def _above_or_below(points: Sequence[Point], places: Sequence[Spot]) -> list[Mark]:
    """Each point's name above it; below it where it would touch the name before."""
    marks: list[Mark] = []
    taken = float("-inf")
    for (x, y), one in sorted(zip(places, points, strict=True), key=lambda pair: pair[0][0]):
        above = x - taken > 48
        taken = x if above and one.name else taken
        marks.append(Label(x, y - 10 if above else y + 20, one.name, "m", one.tone))
    return marks


def _beside(points: Sequence[Point], places: Sequence[Spot], middle: float) -> list[Mark]:
    """Each point's name, towards the middle of the plane, moved up where it would lie on the one below."""
    marks: list[Mark] = []
    lowest = {"l": float("inf"), "r": float("inf")}
    for (x, y), one in sorted(zip(places, points, strict=True), key=lambda pair: -pair[0][1]):
        anchor: Literal["l", "r"] = "l" if x < middle else "r"
        height = min(y + 4, lowest[anchor])
        lowest[anchor] = height - 13
        marks.append(Label(x + (9 if anchor == "l" else -9), height, one.name, anchor, one.tone))
    return marks
