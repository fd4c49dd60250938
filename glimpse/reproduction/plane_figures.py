"""Scatter figures of tables: accuracy over cost, error over glimpses, and accuracy over the share of words read."""

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Literal, NamedTuple

from glimpse.reporting.drawing.axes import Axis, linear_axis, number_text
from glimpse.reporting.drawing.charts import Band, Curve, Dot, Label, Mark, Rule, Spot, Tone
from glimpse.reproduction.figure_parts import WIDTH, Figure, MeasuredEntry, fitting_axis, line_tone


class Point(NamedTuple):
    """A point in a plane, in the units of its axes, with a name beside it."""

    name: str
    x: float
    y: float
    tone: Tone


def costs_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw accuracy over multiply-adds and over pixels, side by side."""
    width, height = WIDTH // 2, 360
    marks: list[Mark] = []
    for number, (cost, name) in enumerate((("multiply_adds", "multiply-adds"), ("pixels", "pixels read"))):
        points = [
            Point(
                line.entry.label,
                line.results[cost]["mean"],
                100 - line.results["test_error_m1"]["mean"],
                line_tone(line),
            )
            for line in lines
            if cost in line.results and "test_error_m1" in line.results
        ]
        marks += _plane(points, (number * width, 0), (width, height), name, "accuracy, %")
    return Figure(marks, WIDTH, height)


def glimpses_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw the error over the mean number of glimpses, with a curve for agents that may stop and one for the others."""
    height, points = 400, []
    for line in lines:
        # The price of a glimpse is the last word of the label; agents that never stop need no name.
        name = "" if line.entry.control else line.entry.label.split()[-1]
        points.append(
            Point(name, line.results["glimpses"]["mean"], line.results["test_error_m1"]["mean"], line_tone(line))
        )
    legend: list[Mark] = []
    known: list[tuple[float, Tone, str]] = [
        (300, "agent", "may stop, at this price of a glimpse"),
        (560, "control", "always takes as many"),
    ]
    for left, tone, text in known:
        legend += [Dot(left, 18, tone), Label(left + 10, 22, text, "l")]
    plane = _plane(points, (0, 0), (WIDTH, height), "glimpses taken, mean", "error, %", joined=True)
    return Figure(plane + legend, WIDTH, height)


_FAMILY_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "sampled")
_KEEP_RATES = ("test_keep_rate", "test_dependents", "test_read", "test_attended")
"""Metrics that are a share of words, in percent; a line without any reads all words."""


def keep_rates_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw accuracy over the share of words read: a curve for each family, and a band from worst to best seed."""
    families: dict[str, list[MeasuredEntry]] = {}
    for line in lines:
        if "test_accuracy" in line.results:
            families.setdefault(line.entry.family or line.entry.label, []).append(line)
    reached = [y for own in families.values() for line in own for y in line.results["test_accuracy"]["values"]]
    across, up = linear_axis([0.0, 100.0]), linear_axis(reached or [0.0, 100.0])
    left, right, top = 44, WIDTH - 24, 42 + 18 * -(-len(families) // 4)
    bottom = top + 316

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    bands: list[Mark] = []
    curves: list[Mark] = []
    tones = iter(_FAMILY_TONES * len(families))
    for number, (name, own) in enumerate(families.items()):
        tone: Tone = "control" if own[0].entry.control else next(tones)
        band, curve = _family_marks(tone, own, spot)
        bands.append(band)
        x, y = left + 6 + 196 * (number % 4), 16 + 16 * (number // 4)
        curves += [*curve, Dot(x, y, tone), Label(x + 10, y + 4, name, "l")]
    return Figure([*bands, *plane_grid(across, up, spot, "words read, %", "accuracy, %"), *curves], WIDTH, bottom + 46)


def _family_marks(
    tone: Tone, lines: Sequence[MeasuredEntry], spot: Callable[[float, float], Spot]
) -> tuple[Mark, list[Mark]]:
    """Return a family's band, and its curve with a dot for each line."""
    ordered = [(_words_read(line), line.results["test_accuracy"]["values"]) for line in sorted(lines, key=_words_read)]
    middle = [spot(x, mean(values)) for x, values in ordered]
    band: Mark = Band(tone, *([spot(x, edge(values)) for x, values in ordered] for edge in (min, max)))
    if len(ordered) == 1:  # A single line has a band without width.
        band = Rule(*(spot(x, edge(values)) for x, values in ordered for edge in (min, max)))
    return band, [Curve(tone, list(middle)), *(Dot(*position, tone) for position in middle)]


def _words_read(line: MeasuredEntry) -> float:
    """Return the share of words that a line reads, in percent."""
    return next((line.results[metric]["mean"] for metric in _KEEP_RATES if metric in line.results), 100.0)


def _plane(
    points: Sequence[Point], corner: Spot, size: Spot, horizontal: str, vertical: str, joined: bool = False
) -> list[Mark]:
    """Draw points in a plane with axes.

    Args:
        points: what is drawn.
        corner: top left corner of the plane in the figure, in pixels.
        size: width and height of the plane in pixels.
        horizontal: name of the horizontal axis.
        vertical: name of the vertical axis.
        joined: whether points of one tone are joined by a line.
    """
    across, up = fitting_axis([point.x for point in points]), fitting_axis([point.y for point in points])
    left, right, top, bottom = corner[0] + 44, corner[0] + size[0] - 24, corner[1] + 34, corner[1] + size[1] - 46

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    marks = plane_grid(across, up, spot, horizontal, vertical)
    tones = dict.fromkeys(point.tone for point in points)
    if joined:
        marks += [
            Curve(
                tone,
                [spot(point.x, point.y) for point in sorted(points, key=lambda each: each.x) if point.tone == tone],
            )
            for tone in tones
        ]
    positions = [spot(point.x, point.y) for point in points]
    marks += [Dot(x, y, point.tone) for (x, y), point in zip(positions, points, strict=True)]
    if joined:  # Names beside the points would cover the curve.
        return marks + _names_above_or_below(points, positions)
    return marks + names_beside(points, positions, (left + right) / 2)


def plane_grid(
    across: Axis, up: Axis, spot: Callable[[float, float], Spot], horizontal: str, vertical: str
) -> list[Mark]:
    """Return the grid lines of a plane, their numbers, and the names of both axes."""
    (left, bottom), (right, top) = spot(across.low, up.low), spot(across.high, up.high)
    marks: list[Mark] = [Label(left - 34, top - 16, vertical, "l"), Label(right, bottom + 36, horizontal, "r")]
    for tick in across.ticks:
        x = spot(tick, up.low)[0]
        marks += [Rule((x, top), (x, bottom)), Label(x, bottom + 18, number_text(tick), "m")]
    for tick in up.ticks:
        y = spot(across.low, tick)[1]
        marks += [Rule((left, y), (right, y)), Label(left - 8, y + 4, number_text(tick), "r")]
    return marks


def _names_above_or_below(points: Sequence[Point], positions: Sequence[Spot]) -> list[Mark]:
    """Return each point's name above it, or below it where it would touch the previous name."""
    marks: list[Mark] = []
    last_above = float("-inf")
    for (x, y), point in sorted(zip(positions, points, strict=True), key=lambda pair: pair[0][0]):
        above = x - last_above > 48
        last_above = x if above and point.name else last_above
        marks.append(Label(x, y - 10 if above else y + 20, point.name, "m", point.tone))
    return marks


def names_beside(points: Sequence[Point], positions: Sequence[Spot], middle: float) -> list[Mark]:
    """Return each point's name, towards the middle of the plane, moved up where it would cover the one below."""
    marks: list[Mark] = []
    lowest = {"l": float("inf"), "r": float("inf")}
    for (x, y), point in sorted(zip(positions, points, strict=True), key=lambda pair: -pair[0][1]):
        anchor: Literal["l", "r"] = "l" if x < middle else "r"
        height = min(y + 4, lowest[anchor])
        lowest[anchor] = height - 13
        marks.append(Label(x + (9 if anchor == "l" else -9), height, point.name, anchor, point.tone))
    return marks
