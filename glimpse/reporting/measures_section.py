"""Part of a report: precision, recall and F1 of each class or label, the confusion matrix, and calibration."""

from collections.abc import Sequence
from html import escape

import numpy as np

from glimpse.evaluation.class_measures import ClassMeasures, ClassScore
from glimpse.evaluation.label_measures import LabelMeasures
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
    labelled = [(one.title, one.label_measures) for one in evaluations if one.label_measures is not None]
    parts = [_measures(title, found, is_open=not at) for at, (title, found) in enumerate(known)]
    return "".join([*parts, *(_label_measures(title, found, not at) for at, (title, found) in enumerate(labelled))])


def _label_measures(title: str, found: LabelMeasures, is_open: bool) -> str:
    """Return the measures of one evaluation of several labels."""
    summary = f"{title}: micro F1 {found.micro_f1:.4f}, macro F1 {found.macro_f1:.4f}"
    return f"""<details{" open" * is_open}><summary>{escape(summary)}</summary>
<figure><h3>Each label</h3>{_score_table(found.labels)}
<figcaption>An answer gives the labels of a probability above 1/2. Micro F1 is of all labels of all {found.answers:,}
answers together (precision {found.micro_precision:.4f}, recall {found.micro_recall:.4f}), macro F1 the mean F1 of the
labels. {100 * found.exact_match:.2f} % of the answers have exactly the true labels, and
{100 * found.label_accuracy:.2f} %
of single labels are rightly given or left out.</figcaption></figure>
</details>"""


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
    return f"""<figure><h3>Each class</h3>{_score_table(found.classes)}
<figcaption>Macro F1 is the mean F1 of the classes that occur among labels or answers. Answers are those of averaged
probabilities.</figcaption></figure>"""


def _score_table(scores: Sequence[ClassScore]) -> str:
    """Return a table with a row for each class or label."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Precision", "Recall", "F1", "Examples"))
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th><td>{one.precision:.4f}</td><td>{one.recall:.4f}</td>'
        f"<td>{one.f1:.4f}</td><td>{one.examples:,}</td></tr>"
        for one in scores
    )
    return f"""<div class="scroll"><table class="scores">
<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"""


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
