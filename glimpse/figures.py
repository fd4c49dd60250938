"""The figure of a table: what is drawn, and where. `chart_drawing` draws it."""

from collections.abc import Sequence
from statistics import mean
from typing import Literal, NamedTuple

from glimpse.chart_drawing import marks_image, marks_svg
from glimpse.charts import Axis, Curve, Dot, Label, Mark, Rule, Spot, Tone, linear_axis, logarithmic_axis, number_text
from glimpse.pictures import png
from glimpse.results import Row
from glimpse.table_markdown import metric_name
from glimpse.tables import Entry, Table

_WIDTH, _LABELS, _ROW = 840, 230, 26
_OWN: tuple[Tone, Tone] = ("agent", "sampled")
_PUBLISHED: tuple[tuple[str, str, Tone], ...] = (
    ("proceedings", "paper, NIPS", "paper"),
    ("arxiv", "paper, arXiv v1", "control"),
    ("best_public", "best public", "public"),
    ("paper", "paper", "paper"),
)
_OF_TEXTS = ("test_accuracy", "test_pearson", "test_bleu")
_PERCENT = {"test_pearson": 100}
_AXES = {
    ("test_accuracy",): "test accuracy, %",
    ("test_pearson",): "100 r on the test set",
    ("test_bleu",): "BLEU on the test set",
    ("test_accuracy", "test_pearson"): "test accuracy, %, or 100 r",
    ("test_caught_m1", "test_caught_greedy"): "caught, %",
}


class Line(NamedTuple):
    """A line of a table: its entry, and its rows by metric."""

    entry: Entry
    of: dict[str, Row]


class Point(NamedTuple):
    """A place in a plane of numbers, with a name beside it."""

    name: str
    x: float
    y: float
    tone: Tone


class Figure(NamedTuple):
    """Marks on a ground of so many pixels."""

    marks: list[Mark]
    width: int
    height: int


def figure_files(table: Table, rows: Sequence[Row]) -> dict[str, bytes]:
    """The figure of a table as SVG and PNG, by the ends of their names; rows as `results/TABLE.json` has them."""
    lines = [Line(entry, _rows_of(entry, rows)) for entry in table.entries]
    figure = {"lines": scores_figure, "cost": _costs, "glimpses": _glimpses}[table.figure](
        [line for line in lines if line.of and line.entry.drawn]
    )
    svg = marks_svg(*figure, table.title)
    return {"svg": svg.encode(), "png": png(marks_image(*figure))}


def _rows_of(entry: Entry, rows: Sequence[Row]) -> dict[str, Row]:
    return {row["metric"]: row for row in rows if row["config"] == f"configs/{entry.config}.yaml"}


def scores_figure(lines: Sequence[Line]) -> Figure:
    """Each line's scores along one axis: every seed, the mean, and what others published."""
    metrics = _drawn(lines)
    shown = [[*_values(line, metrics), *_quoted(line).values()] for line in lines]
    # Ratios of errors tell, those of shares that are right or caught do not.
    fit = fitting_axis if all(metric.startswith("test_error") for metric in metrics) else linear_axis
    axis = fit([value for values in shown for value in values] or [0.0, 1.0])
    left, right, top = _LABELS, _WIDTH - 24, 44
    bottom = top + _ROW * len(lines)

    def across(value: float) -> float:
        return left + axis.share(value) * (right - left)

    marks: list[Mark] = []
    for tick in axis.ticks:
        marks += [
            Rule((across(tick), top), (across(tick), bottom)),
            Label(across(tick), bottom + 16, number_text(tick), "m"),
        ]
    marks.append(Label(right, bottom + 34, _AXES.get(tuple(metrics), "test error, %"), "r"))
    for number, line in enumerate(lines):
        y = top + _ROW * (number + 0.5)
        marks += [Rule((left, y), (right, y)), Label(left - 12, y + 4, line.entry.label, "r")]
        marks += [Dot(across(_quoted(line)[key]), y, tone, True) for key, _, tone in _PUBLISHED if key in _quoted(line)]
        for metric, tone in reversed(list(zip(metrics, _OWN, strict=False))):
            if metric in line.of:
                values = sorted(_values(line, [metric]))
                marks += [Curve(tone, [(across(value), y) for value in values]), Dot(across(mean(values)), y, tone)]
    return Figure([*marks, *_legend(lines, metrics, left)], _WIDTH, bottom + 46)


def _drawn(lines: Sequence[Line]) -> list[str]:
    """The metrics that are drawn: of texts one for each line, else the first two."""
    metrics = list(dict.fromkeys(metric for line in lines for metric in line.of))
    of_texts = [metric for metric in _OF_TEXTS if metric in metrics]
    return of_texts or metrics[:2]


def _values(line: Line, metrics: Sequence[str]) -> list[float]:
    """In percent: a correlation of 1 is 100."""
    known = [metric for metric in metrics if metric in line.of]
    return [value * _PERCENT.get(metric, 1) for metric in known for value in line.of[metric]["values"]]


def _quoted(line: Line) -> dict[str, float]:
    """What others published for a line."""
    known = line.entry.published
    return {key: getattr(known, key) for key, _, _ in _PUBLISHED if getattr(known, key, None) is not None}


def _legend(lines: Sequence[Line], metrics: Sequence[str], left: float) -> list[Mark]:
    """A dot and a name for all that is drawn, in a row at the top."""
    own: list[tuple[str, Tone, bool]] = [
        (metric_name(metric), tone, False) for metric, tone in zip(metrics, _OWN, strict=False)
    ]
    quoted = [(name, tone, True) for key, name, tone in _PUBLISHED if any(key in _quoted(line) for line in lines)]
    marks: list[Mark] = []
    for number, (name, tone, ring) in enumerate([*own, *quoted]):
        x = left + 6 + 112 * number
        marks += [Dot(x, 20, tone, ring), Label(x + 10, 24, name, "l")]
    return marks


def _costs(lines: Sequence[Line]) -> Figure:
    """Accuracy over multiply-adds and over pixels, side by side."""
    width, height = _WIDTH // 2, 360
    marks: list[Mark] = []
    for number, (cost, name) in enumerate((("multiply_adds", "multiply-adds"), ("pixels", "pixels read"))):
        points = [
            Point(line.entry.label, line.of[cost]["mean"], 100 - line.of["test_error_m1"]["mean"], _tone(line))
            for line in lines
            if cost in line.of and "test_error_m1" in line.of
        ]
        marks += _plane(points, (number * width, 0), (width, height), name, "accuracy, %")
    return Figure(marks, _WIDTH, height)


def _glimpses(lines: Sequence[Line]) -> Figure:
    """Error over the mean number of glimpses: agents that may stop, beside those that may not, joined by lines."""
    height, points = 400, []
    for line in lines:
        # The price is the label's last word; of those that never stop the number can be read below.
        name = "" if line.entry.control else line.entry.label.split()[-1]
        points.append(Point(name, line.of["glimpses"]["mean"], line.of["test_error_m1"]["mean"], _tone(line)))
    legend: list[Mark] = []
    known: list[tuple[float, Tone, str]] = [
        (300, "agent", "may stop, at this price of a glimpse"),
        (560, "control", "always takes as many"),
    ]
    for left, tone, text in known:
        legend += [Dot(left, 18, tone), Label(left + 10, 22, text, "l")]
    plane = _plane(points, (0, 0), (_WIDTH, height), "glimpses taken, mean", "error, %", joined=True)
    return Figure(plane + legend, _WIDTH, height)


def _tone(line: Line) -> Tone:
    return "control" if line.entry.control else "agent"


def fitting_axis(values: Sequence[float]) -> Axis:
    """A logarithmic axis for values above zero that are far apart, or else a linear one."""
    values = values or [0.0, 1.0]
    return logarithmic_axis(values) if 0 < 6 * min(values) < max(values) else linear_axis(values)


def _plane(
    points: Sequence[Point], corner: Spot, size: Spot, horizontal: str, vertical: str, joined: bool = False
) -> list[Mark]:
    """Points in a plane with its axes; `joined`, those of one tone are on a line."""
    across, up = fitting_axis([one.x for one in points]), fitting_axis([one.y for one in points])
    left, right, top, bottom = corner[0] + 44, corner[0] + size[0] - 24, corner[1] + 34, corner[1] + size[1] - 46

    def spot(x: float, y: float) -> Spot:
        return left + across.share(x) * (right - left), bottom + up.share(y) * (top - bottom)

    marks: list[Mark] = [Label(left - 34, top - 16, vertical, "l"), Label(right, bottom + 36, horizontal, "r")]
    for tick in across.ticks:
        x = spot(tick, up.low)[0]
        marks += [Rule((x, top), (x, bottom)), Label(x, bottom + 18, number_text(tick), "m")]
    for tick in up.ticks:
        y = spot(across.low, tick)[1]
        marks += [Rule((left, y), (right, y)), Label(left - 8, y + 4, number_text(tick), "r")]
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
