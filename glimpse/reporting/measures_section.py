"""Part of a report: precision, recall and F1 of each class, the confusion matrix, and calibration."""

from collections.abc import Sequence
from html import escape

import numpy as np

from glimpse.evaluation.class_measures import ClassMeasures
from glimpse.reporting.drawing.chart_drawing import chart_svg
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.reporting.drawing.svg import inline_svg, matrix
from glimpse.reporting.run_record import Evaluation

_CELL = 24
_MOST_DRAWN = 30
"""Number of classes up to which the confusion matrix has numbers; with more, its cells are smaller."""


def measures_body(evaluations: Sequence[Evaluation]) -> str:
    """Return the HTML of the measures of evaluations, each folded but for the first; "" if they have none."""
    known = [(one.title, one.class_measures) for one in evaluations if one.class_measures is not None]
    return "".join(_measures(title, found, is_open=not at) for at, (title, found) in enumerate(known))


def _measures(title: str, found: ClassMeasures, is_open: bool) -> str:
    """Return the measures of one evaluation."""
    summary = f"{title}: macro F1 {found.macro_f1:.4f}, calibration error {found.calibration_error:.4f}"
    return f"""<details{" open" * is_open}><summary>{escape(summary)}</summary>
{_class_table(found)}
{_confusion_figure(found)}
{_reliability_figure(found)}
</details>"""


def _class_table(found: ClassMeasures) -> str:
    """Return a row for each class."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Precision", "Recall", "F1", "Examples"))
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th><td>{one.precision:.4f}</td><td>{one.recall:.4f}</td>'
        f"<td>{one.f1:.4f}</td><td>{one.examples:,}</td></tr>"
        for one in found.classes
    )
    return f"""<figure><h3>Each class</h3><div class="scroll"><table class="scores">
<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>
<figcaption>Macro F1 is the mean F1 of the classes that occur among labels or answers. Answers are those of averaged
probabilities.</figcaption></figure>"""


def _confusion_figure(found: ClassMeasures) -> str:
    """Return the confusion matrix, or the most frequent mistakes where there are too many classes."""
    if not found.confusion:
        rows = [f"{one.answer} for {one.label}: {one.count:,}" for one in found.confused]
        listed = "".join(f"<li>{escape(row)}</li>" for row in rows)
        return f"<figure><h3>Most frequent mistakes</h3><ul>{listed}</ul></figure>"
    counts, names = np.array(found.confusion, np.int64), [one.name for one in found.classes]
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    few = len(names) <= _MOST_DRAWN
    side = max(_CELL, 6 + 7 * len(str(counts.max()))) if few else _CELL / 2
    drawn = matrix(shares, names, names, side, numbers=counts if few else None)
    title = "Confusion matrix"
    return f"""<figure><h3>{title}</h3><div class="scroll">{inline_svg(drawn, title)}</div>
<figcaption>Rows are labels, columns are answers; the darker a cell, the larger its share of the row.</figcaption>
</figure>"""


def _reliability_figure(found: ClassMeasures) -> str:
    """Return the reliability diagram: accuracy over confidence."""
    points = tuple((100 * one.confidence, 100 * one.accuracy) for one in found.reliability)
    calibrated = Series("calibrated", ((0.0, 0.0), (100.0, 100.0)), "control")
    chart = Chart("Reliability: accuracy over confidence, %", "confidence, %", (Series("answers", points), calibrated))
    return f"""<figure class="single"><h3>{escape(chart.title)}</h3>
<div class="scroll">{chart_svg(chart, 520, 290)}</div>
<figcaption>{found.answers:,} answers in 15 bins of equal width; a point is the mean of a bin that has answers. The
expected calibration error is the mean distance from the grey line, weighted by the number of answers:
{found.calibration_error:.4f}.</figcaption></figure>"""
