"""Figure of tables of searches in documents: evidence and accuracy over what is opened, a row for each family."""

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from glimpse.evaluation.search_curve import OPENED
from glimpse.reporting.drawing.axes import linear_axis
from glimpse.reporting.drawing.charts import Curve, Dot, Label, Mark, Tone
from glimpse.reproduction.figure_parts import WIDTH, Figure, MeasuredEntry
from glimpse.reproduction.plane_figures import plane_grid

_TONES: tuple[Tone, ...] = ("agent", "averaged", "public", "paper", "sampled")
_HEIGHT, _LEGEND = 300, 18
_PANELS = (("found", "opened"), ("found", "words"), ("accuracy", "opened"), ("accuracy", "words"))
"""Panels of a row: what is above what."""
_NAMES = {"found": "evidence complete, %", "accuracy": "right answers, %", "opened": "sentences", "words": "words"}


class _Line(NamedTuple):
    """Line of a panel: its number in the legend, colour, and points; a single one is a line without a curve."""

    number: int
    tone: Tone
    points: list[tuple[float, float]]


def search_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw evidence over sentences and over words, and accuracy over both.

    Lines of a family have numbers in its legend, which stand beside their first points.
    """
    families: dict[str, list[MeasuredEntry]] = {}
    for line in lines:
        families.setdefault(line.entry.family or "all", []).append(line)
    marks: list[Mark] = []
    top = 0.0
    for name, own in families.items():
        tones = _tones(own)
        marks.append(Label(8, top + 18, name, "l"))
        for number, line in enumerate(own):
            x, y = 14 + WIDTH / 3 * (number % 3), top + 36 + _LEGEND * (number // 3)
            told = f"{number + 1}  {line.entry.label.removeprefix(f'{name}: ')}"
            marks += [Dot(x, y, tones[line.entry.name]), Label(x + 10, y + 4, told, "l")]
        top += 44 + _LEGEND * -(-len(own) // 3)
        for number, (up, across) in enumerate(_PANELS):
            drawn = [
                _Line(place, tones[line.entry.name], points)
                for place, line in enumerate(own, 1)
                if (points := _points(line, up, across))
            ]
            marks += _panel(drawn, number * WIDTH / len(_PANELS), top, _NAMES[across], _NAMES[up]) if drawn else []
        top += _HEIGHT
    return Figure(marks, WIDTH, round(top) or 1)


def _tones(lines: Sequence[MeasuredEntry]) -> dict[str, Tone]:
    """Return a colour for each line; controls are grey."""
    agents = [line.entry.name for line in lines if not line.entry.control]
    found: dict[str, Tone] = {line.entry.name: "control" for line in lines}
    return found | {name: _TONES[number % len(_TONES)] for number, name in enumerate(agents)}


def _points(line: MeasuredEntry, up: str, across: str) -> list[tuple[float, float]]:
    """Return the points of a line: at each mean number of opened sentences, or its one point.

    Lines that open nothing, such as soft attention, have none for evidence.
    """
    found = []
    for count in OPENED:
        height = line.results.get(f"test_{up}_at_{count}")
        place = float(count) if across == "opened" else _mean(line, f"test_words_at_{count}")
        if height is not None and place is not None:
            found.append((place, float(height["mean"])))
    if found:
        return found
    whole = "test_accuracy" if up == "accuracy" else f"test_{up}_greedy"
    height_of_all, place = _mean(line, whole), _mean(line, f"test_{across}_greedy")
    if height_of_all is None or place is None or (up == "found" and height_of_all == 0):
        return []
    return [(place, height_of_all)]


def _mean(line: MeasuredEntry, metric: str) -> float | None:
    """Return the mean of a metric over seeds; None if it was not measured."""
    row = line.results.get(metric)
    return None if row is None else mean(row["values"])


def _panel(lines: Sequence[_Line], x: float, top: float, horizontal: str, vertical: str) -> list[Mark]:
    """Return the marks of one panel."""
    across = linear_axis([0.0, *(place for line in lines for place, _ in line.points)])
    up = linear_axis(_spread([height for line in lines for _, height in line.points]))
    left, right, upper, lower = x + 44, x + WIDTH / len(_PANELS) - 16, top + 30, top + _HEIGHT - 56

    def spot(place: float, height: float) -> tuple[float, float]:
        return left + across.share(place) * (right - left), lower + up.share(height) * (upper - lower)

    marks = plane_grid(across, up, spot, horizontal, vertical)
    for line in sorted(lines, key=lambda one: one.tone != "control"):
        spots = [spot(*point) for point in line.points]
        marks += [Curve(line.tone, [*spots])] if len(spots) > 1 else []
        marks += [Dot(*one, line.tone) for one in spots]
    return marks + _numbers(lines, [spot(*line.points[0]) for line in lines])


def _spread(heights: list[float]) -> list[float]:
    """Return percentages that an axis has to hold: at least ten points, so that small differences look small."""
    middle = (min(heights) + max(heights)) / 2
    return [*heights, max(0.0, middle - 5), min(100.0, middle + 5)]


def _numbers(lines: Sequence[_Line], spots: Sequence[tuple[float, float]]) -> list[Mark]:
    """Return each line's number: left of a curve's first point, right of a single one; moved up where it covers one."""
    marks: list[Mark] = []
    placed: list[tuple[float, float]] = []
    for line, (x, y) in sorted(zip(lines, spots, strict=True), key=lambda one: -one[1][1]):
        left, height = len(line.points) > 1, y + 4
        at = x - 7 if left else x + 7
        while any(abs(at - other) < 14 and abs(height - above) < 11 for other, above in placed):
            height -= 1
        placed.append((at, height))
        marks.append(Label(at, height, str(line.number), "r" if left else "l", line.tone))
    return marks
