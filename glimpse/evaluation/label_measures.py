"""Measures of answers that give several labels at once, by scikit-learn.

Axes: N answers, C labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glimpse.evaluation.answered_examples import Columns
from glimpse.evaluation.class_measures import ClassScore
from glimpse.evaluation.terminal_tables import TableConsole

_MOST_PRINTED = 20


@dataclass(frozen=True)
class LabelMeasures:
    """Measures of answers that give several labels at once, in [0, 1]; those of a probability above 1/2 are given.

    answers: number of answers.
    exact_match: share of answers whose labels are exactly the true ones (subset accuracy).
    label_accuracy: share of labels that are rightly given or left out, 1 less the Hamming loss.
    micro_precision, micro_recall, micro_f1: of all labels of all answers together.
    macro_f1: mean F1 of the labels; 0 for one that is neither given nor true.
    labels: scores of each label, in the run's order.
    """

    answers: int
    exact_match: float
    label_accuracy: float
    micro_precision: float
    micro_recall: float
    micro_f1: float
    macro_f1: float
    labels: list[ClassScore]


def measure_labels(columns: Columns, names: Sequence[str]) -> LabelMeasures:
    """Measure answers that give several labels.

    Args:
        columns: `labels` and `probabilities`; see `answered_examples.Columns`.
        names: of the C labels.
    """
    from sklearn.metrics import accuracy_score, hamming_loss, precision_recall_fscore_support

    # scikit-learn takes a lone column for classes, so that an empty one stands beside it; `labels` leaves it out.
    true, given = (
        np.pad(side.astype(np.int64), ((0, 0), (0, 1))) for side in (columns["labels"], columns["probabilities"] > 0.5)
    )
    chosen = {"labels": range(len(names)), "zero_division": 0}
    each = zip(
        names, *(column.tolist() for column in precision_recall_fscore_support(true, given, **chosen)), strict=True
    )
    micro = precision_recall_fscore_support(true, given, average="micro", **chosen)
    macro = precision_recall_fscore_support(true, given, average="macro", **chosen)
    return LabelMeasures(
        answers=len(true),
        exact_match=float(accuracy_score(true, given)),
        label_accuracy=1 - float(hamming_loss(true[:, :-1], given[:, :-1])),
        micro_precision=float(micro[0]),
        micro_recall=float(micro[1]),
        micro_f1=float(micro[2]),
        macro_f1=float(macro[2]),
        labels=[ClassScore(name, int(count), *three) for name, *three, count in each],
    )


def print_labels(found: LabelMeasures) -> None:
    """Print a table with a row for each label, the commonest first; of many labels the first rows."""
    shown = sorted(found.labels, key=lambda one: -one.examples)[:_MOST_PRINTED]
    rest = len(found.labels) - len(shown)
    columns = ["label", "precision", "recall", "F1", "examples"]
    TableConsole().print_table(
        columns,
        [
            [one.name, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", f"{one.examples:,}"]
            for one in shown
        ],
        caption=f"and {rest:,} labels more, in evaluation.json" if rest else "",
        optional=("examples", "recall", "precision"),
        right=columns[1:],
        bordered=True,
    )
