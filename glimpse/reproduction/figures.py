"""The figure of a table: what is drawn, and where. `chart_drawing` draws it."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from glimpse.reporting.drawing.chart_drawing import marks_image, marks_svg
from glimpse.reporting.drawing.charts import Curve, Dot, Label, Mark, Rule, Tone, linear_axis, number_text
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reproduction.figure_parts import WIDTH, Figure, Line, fitting_axis
from glimpse.reproduction.plane_figures import costs_figure, glimpses_figure, rates_figure
from glimpse.reproduction.table_markdown import metric_name
from glimpse.reproduction.tables import Entry, Table
from glimpse.runs.results import Row

_LABELS, _ROW = 230, 26
_OWN: tuple[Tone, Tone] = ("agent", "sampled")
_PUBLISHED: tuple[tuple[str, str, Tone], ...] = (
    ("proceedings", "paper, NIPS", "paper"),
    ("arxiv", "paper, arXiv v1", "control"),
    ("best_public", "best public", "public"),
    ("paper", "paper", "paper"),
)
_OF_TEXTS = ("test_accuracy", "test_pearson", "test_bleu")
_OF_REASONS = ("test_named_f1", "test_top_f1")
_PERCENT = {"test_pearson": 100}
_AXES = {
    ("test_accuracy",): "test accuracy, %",
    ("test_pearson",): "100 r on the test set",
    ("test_bleu",): "BLEU on the test set",
    ("test_accuracy", "test_pearson"): "test accuracy, %, or 100 r",
    _OF_REASONS: "F1 of words named as reasons, %",
    ("test_caught_m1", "test_caught_greedy"): "caught, %",
}


def figure_files(table: Table, rows: Sequence[Row]) -> dict[str, bytes]:
    """The figure of a table as SVG and PNG, by the ends of their names; rows as `results/TABLE.json` has them."""
    lines = [Line(entry, _rows_of(entry, rows)) for entry in table.entries]
    figure = {"lines": scores_figure, "cost": costs_figure, "glimpses": glimpses_figure, "rates": rates_figure}[
        table.figure
    ]([line for line in lines if line.of and line.entry.drawn])
    svg = marks_svg(*figure, table.title)
    return {"svg": svg.encode(), "png": png(marks_image(*figure))}


def _rows_of(entry: Entry, rows: Sequence[Row]) -> dict[str, Row]:
    return {row["metric"]: row for row in rows if Path(row["config"]).stem == entry.config}


def scores_figure(lines: Sequence[Line]) -> Figure:
    """Each line's scores along one axis: every seed, the mean, and what others published."""
    metrics = _drawn(lines)
    shown = [[*_values(line, metrics), *_quoted(line).values()] for line in lines]
    # Ratios of errors tell, those of shares that are right or caught do not.
    fit = fitting_axis if all(metric.startswith("test_error") for metric in metrics) else linear_axis
    axis = fit([value for values in shown for value in values] or [0.0, 1.0])
    left, right, top = _LABELS, WIDTH - 24, 44
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
    return Figure([*marks, *_legend(lines, metrics, left)], WIDTH, bottom + 46)


def _drawn(lines: Sequence[Line]) -> list[str]:
    """The metrics that are drawn: of texts one for each line, or two of reasons; else the first two."""
    metrics = list(dict.fromkeys(metric for line in lines for metric in line.of))
    if set(_OF_REASONS) <= set(metrics):
        return list(_OF_REASONS)
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
