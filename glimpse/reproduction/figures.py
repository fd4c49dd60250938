"""Figures of result tables: which marks are drawn, and where. `chart_drawing` draws them."""

from collections.abc import Sequence
from statistics import mean

from glimpse.reporting.drawing.axes import linear_axis, number_text
from glimpse.reporting.drawing.chart_drawing import marks_image, marks_svg
from glimpse.reporting.drawing.charts import Curve, Dot, Label, Mark, Rule, Tone
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reproduction.figure_parts import WIDTH, Figure, MeasuredEntry, fitting_axis
from glimpse.reproduction.looks_figure import looks_figure
from glimpse.reproduction.metric_texts import metric_name
from glimpse.reproduction.people_figures import people_figure
from glimpse.reproduction.plane_figures import costs_figure, glimpses_figure, keep_rates_figure
from glimpse.reproduction.search_figures import search_figure
from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.tables import Table, TableEntry
from glimpse.runs.results import Row

_LABELS, _ROW = 230, 26
_OWN_TONES: tuple[Tone, Tone] = ("agent", "sampled")
_PUBLISHED: tuple[tuple[str, str, Tone], ...] = (
    ("proceedings", "paper, NIPS", "paper"),
    ("arxiv", "paper, arXiv v1", "control"),
    ("best_public", "best public", "public"),
    ("paper", "paper", "paper"),
)
_TEXT_METRICS = ("test_accuracy", "test_pearson", "test_bleu")
_RATIONALE_METRICS = ("test_predicted_f1", "test_top_f1")
_PERCENT = {"test_pearson": 100}
_AXES = {
    ("test_accuracy",): "test accuracy, %",
    ("test_pearson",): "100 r on the test set",
    ("test_bleu",): "BLEU on the test set",
    ("test_accuracy", "test_pearson"): "test accuracy, %, or 100 r",
    _RATIONALE_METRICS: "F1 of predicted rationales, %",
    ("test_caught_m1", "test_caught_greedy"): "episodes that succeed, %",
}


def figure_files(table: Table, rows: Sequence[Row]) -> dict[str, bytes]:
    """Draw the figure of a table.

    Args:
        table: the table.
        rows: result rows, as in `results/TABLE.json`.

    Returns:
        The file's contents by suffix, `svg` and `png`.
    """
    lines = [MeasuredEntry(entry, _rows_of(entry, rows)) for entry in table.entries]
    figure = {
        "lines": scores_figure,
        "cost": costs_figure,
        "glimpses": glimpses_figure,
        "keep_rates": keep_rates_figure,
        "people": people_figure,
        "looks": looks_figure,
        "search": search_figure,
    }[table.figure]([line for line in lines if line.results and line.entry.drawn])
    svg = marks_svg(*figure, table.title)
    return {"svg": svg.encode(), "png": png(marks_image(*figure))}


def _rows_of(entry: TableEntry, rows: Sequence[Row]) -> dict[str, Row]:
    """Return the result rows of one line by metric."""
    return {row["metric"]: row for row in rows if row_name(row) == entry.name}


def scores_figure(lines: Sequence[MeasuredEntry]) -> Figure:
    """Draw each line's scores along one axis: all seeds, their mean, and published numbers."""
    metrics = _drawn_metrics(lines)
    shown = [[*_values(line, metrics), *_quoted(line).values()] for line in lines]
    # A logarithmic axis suits errors, whose ratios matter; accuracies and success rates get a linear one.
    fit = fitting_axis if all(metric.startswith("test_error") for metric in metrics) else linear_axis
    axis = fit([value for values in shown for value in values] or [0.0, 1.0])
    left, right, top = _LABELS, WIDTH - 24, 44
    bottom = top + _ROW * len(lines)

    def across(value: float) -> float:
        return left + axis.share(value) * (right - left)

    # The axis, its grid and its name.
    marks: list[Mark] = []
    for tick in axis.ticks:
        marks += [
            Rule((across(tick), top), (across(tick), bottom)),
            Label(across(tick), bottom + 16, number_text(tick), "m"),
        ]
    marks.append(Label(right, bottom + 34, _AXES.get(tuple(metrics), "test error, %"), "r"))
    # A row for each line: its label, published numbers as rings, and the range and mean over seeds.
    for number, line in enumerate(lines):
        y = top + _ROW * (number + 0.5)
        marks += [Rule((left, y), (right, y)), Label(left - 12, y + 4, line.entry.label, "r")]
        marks += [Dot(across(_quoted(line)[key]), y, tone, True) for key, _, tone in _PUBLISHED if key in _quoted(line)]
        for metric, tone in reversed(list(zip(metrics, _OWN_TONES, strict=False))):
            if metric in line.results:
                values = sorted(_values(line, [metric]))
                marks += [Curve(tone, [(across(value), y) for value in values]), Dot(across(mean(values)), y, tone)]
    return Figure([*marks, *_legend(lines, metrics, left)], WIDTH, bottom + 46)


def _drawn_metrics(lines: Sequence[MeasuredEntry]) -> list[str]:
    """Return the metrics that are drawn: one per line for text, two for rationales, else the first two."""
    metrics = list(dict.fromkeys(metric for line in lines for metric in line.results))
    if set(_RATIONALE_METRICS) <= set(metrics):
        return list(_RATIONALE_METRICS)
    text_metrics = [metric for metric in _TEXT_METRICS if metric in metrics]
    return text_metrics or metrics[:2]


def _values(line: MeasuredEntry, metrics: Sequence[str]) -> list[float]:
    """Return a line's values of some metrics over seeds, in percent: a correlation of 1 is 100."""
    known = [metric for metric in metrics if metric in line.results]
    return [value * _PERCENT.get(metric, 1) for metric in known for value in line.results[metric]["values"]]


def _quoted(line: MeasuredEntry) -> dict[str, float]:
    """Return the published numbers for a line, by the name of their source."""
    known = line.entry.published
    return {key: getattr(known, key) for key, _, _ in _PUBLISHED if getattr(known, key, None) is not None}


def _legend(lines: Sequence[MeasuredEntry], metrics: Sequence[str], left: float) -> list[Mark]:
    """Return the legend: a dot and a name for each kind of mark, in a row at the top."""
    own: list[tuple[str, Tone, bool]] = [
        (metric_name(metric), tone, False) for metric, tone in zip(metrics, _OWN_TONES, strict=False)
    ]
    quoted = [(name, tone, True) for key, name, tone in _PUBLISHED if any(key in _quoted(line) for line in lines)]
    marks: list[Mark] = []
    for number, (name, tone, ring) in enumerate([*own, *quoted]):
        x = left + 6 + 112 * number
        marks += [Dot(x, 20, tone, ring), Label(x + 10, 24, name, "l")]
    return marks
