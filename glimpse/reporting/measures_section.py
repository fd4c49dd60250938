"""Part of a report: precision, recall and F1 of each class or label, the confusion matrix, and calibration."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from glimpse.evaluation.class_measures import ClassMeasures, ClassScore
from glimpse.evaluation.label_measures import LabelMeasures
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.reporting.drawing.matrix_words import confusion_words
from glimpse.reporting.drawing.svg import inline_svg, matrix
from glimpse.reporting.html_parts import Cell, NumberTable, Row, RowGroup, number_table, single_chart
from glimpse.reporting.html_templates import render
from glimpse.reporting.run_record import Evaluation, RunRecord
from glimpse.reporting.score_tables import averaged_mode

_CELL = 24
_MOST_DRAWN = 30
"""Number of classes up to which the confusion matrix has numbers; with more, its cells are smaller."""


def measures_body(record: RunRecord) -> Markup:
    """Return the HTML of the measures of a run's evaluations, each folded but for the first; "" if there are none."""
    known = [(one, found) for one in record.evaluations if (found := one.class_measures) is not None]
    labelled = [(one, labels) for one in record.evaluations if (labels := one.label_measures) is not None]
    parts = [_measures(_of(one, record), found, at == 0) for at, (one, found) in enumerate(known)]
    parts += [_label_measures(_of(one, record), labels, at == 0) for at, (one, labels) in enumerate(labelled)]
    return Markup("").join(parts)


def _of(measured: Evaluation, record: RunRecord) -> str:
    """Return which data the measures are of, and how the agent acted: `Test, M = 10`."""
    return ", ".join(filter(None, [measured.title, averaged_mode(measured, record)]))


def _label_measures(of: str, found: LabelMeasures, is_open: bool) -> Markup:
    """Return the measures of one evaluation of several labels."""
    table = number_table(_score_table(f"{of}: each label", found.labels))
    return render("label_measures.html", of=of, found=found, table=table, is_open=is_open)


def _measures(of: str, found: ClassMeasures, is_open: bool) -> Markup:
    """Return the measures of one evaluation."""
    caption = "Macro F1 is the mean F1 of the classes that occur among labels or answers."
    table = number_table(_score_table(f"{of}: each class", found.classes, caption))
    confusion, reliability = _confusion_figure(of, found), _reliability_figure(of, found)
    return render(
        "class_measures.html",
        of=of,
        found=found,
        table=table,
        confusion=confusion,
        reliability=reliability,
        is_open=is_open,
    )


def _score_table(title: str, scores: Sequence[ClassScore], caption: str = "") -> NumberTable:
    """Return a table with a row for each class or label."""
    rows = [
        Row(
            one.name,
            [*(Cell(f"{value:.4f}") for value in (one.precision, one.recall, one.f1)), Cell(f"{one.examples:,}")],
        )
        for one in scores
    ]
    return NumberTable(title, ["Precision", "Recall", "F1", "Examples"], [RowGroup(rows)], caption)


def _confusion_figure(of: str, found: ClassMeasures) -> Markup:
    """Return the confusion matrix, or the most frequent mistakes where there are too many classes."""
    if not found.confusion:
        mistakes = [f"{one.answer} for {one.label}: {one.count:,}" for one in found.confused]
        return render("frequent_mistakes.html", of=of, mistakes=mistakes)
    counts, names = np.array(found.confusion, np.int64), [one.name for one in found.classes]
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    few = len(names) <= _MOST_DRAWN
    side = max(_CELL, 6 + 7 * len(str(counts.max()))) if few else _CELL / 2
    drawn = matrix(shares, names, names, side, numbers=counts if few else None)
    svg = Markup(inline_svg(drawn, f"{of}: confusion matrix. {confusion_words(counts, names)}"))
    return render("confusion_figure.html", of=of, svg=svg)


def _reliability_figure(of: str, found: ClassMeasures) -> Markup:
    """Return the reliability diagram: accuracy over confidence."""
    points = tuple((100 * one.confidence, 100 * one.accuracy) for one in found.reliability)
    calibrated = Series("calibrated", ((0.0, 0.0), (100.0, 100.0)), "control")
    chart = Chart(f"{of}: reliability, accuracy in %", "confidence, %", (Series("answers", points), calibrated))
    caption = (
        f"{found.answers:,} answers in 15 bins of equal width; a point is the mean of a bin that has answers. The "
        "expected calibration error is the mean distance from the grey line, weighted by the number of answers: "
        f"{found.calibration_error:.4f}."
    )
    return single_chart(chart, caption)
