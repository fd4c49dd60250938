"""Measures of answers that name classes, and of answers that are scores, by scikit-learn.

Axes: N answers, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.evaluation.answered_examples import Columns

_BINS = 15
_MOST_CLASSES = 100
"""Number of classes up to which the whole confusion matrix is kept."""
_MOST_CONFUSED = 20


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class, in [0, 1].

    name, examples: the class and how many labels name it.
    precision: share of right ones among the answers that name it; 0 without any.
    recall: share of right answers among its examples; 0 without any.
    f1: harmonic mean of both.
    """

    name: str
    examples: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers whose confidence is in a bin: how many, their mean confidence, and the share of right ones."""

    answers: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Confusion:
    """Answers that name the class `answer` for examples of the class `label`."""

    label: str
    answer: str
    count: int


@dataclass(frozen=True)
class ClassMeasures:
    """Measures of answers that name classes.

    answers: number of answers.
    accuracy: share of right ones, in [0, 1].
    macro_f1: mean F1 of the classes that labels or answers name.
    calibration_error: expected calibration error (Guo et al., 2017, equation 3) with 15 bins, in [0, 1].
    classes: scores of each class, in the run's order.
    reliability: bins that have answers, by rising confidence.
    confusion: counts of answers (columns) for each label (row); empty if there are more than 100 classes.
    confused: the most frequent wrong answers.
    """

    answers: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    classes: list[ClassScore]
    reliability: list[ReliabilityBin]
    confusion: list[list[int]]
    confused: list[Confusion]

    def __post_init__(self) -> None:
        """Check that the confusion matrix has a row and a column for each class, or is empty."""
        sides = {len(self.confusion), *map(len, self.confusion)}
        if sides not in ({0}, {len(self.classes)}):
            raise ValueError("the confusion matrix does not have the classes as its rows and columns")


@dataclass(frozen=True)
class ScoreMeasures:
    """Measures of predicted scores: mean squared and mean absolute error, in the units of the scores."""

    squared_error: float
    absolute_error: float


def measure_classes(columns: Columns, classes: Sequence[str]) -> ClassMeasures:
    """Measure answers that name classes; the A answers of an episode count as answers of their own.

    Args:
        columns: `label`, `answer` and `confidence`; see `answered_examples.Columns`.
        classes: C names.
    """
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    label, answer, confidence = (columns[name].ravel() for name in ("label", "answer", "confidence"))
    scores = precision_recall_fscore_support(label, answer, labels=range(len(classes)), zero_division=0)
    each = zip(classes, *(column.tolist() for column in scores), strict=True)
    bins = reliability_bins(confidence, label == answer)
    return ClassMeasures(
        answers=len(label),
        accuracy=float((label == answer).mean()),
        macro_f1=float(f1_score(label, answer, average="macro", zero_division=0)),
        calibration_error=sum(one.answers * abs(one.accuracy - one.confidence) for one in bins) / len(label),
        classes=[ClassScore(name, int(count), *three) for name, *three, count in each],
        reliability=bins,
        confusion=_confusion(label, answer, len(classes)),
        confused=_confused(label, answer, classes),
    )


def reliability_bins(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> list[ReliabilityBin]:
    """Group answers (N,) by confidence into 15 bins ((b - 1) / 15, b / 15]; empty ones are left out."""
    number = np.clip(np.ceil(confidence.astype(np.float64) * _BINS).astype(int) - 1, 0, _BINS - 1)
    counts, certain, hits = (
        np.bincount(number, weights, _BINS) for weights in (None, confidence.astype(np.float64), right.astype(float))
    )
    return [
        ReliabilityBin(int(counts[at]), float(certain[at] / counts[at]), float(hits[at] / counts[at]))
        for at in np.flatnonzero(counts)
    ]


def measure_predicted(columns: Columns) -> ScoreMeasures:
    """Measure predicted scores; `columns` are `true` and `predicted`, (N,) both."""
    from sklearn.metrics import mean_absolute_error, mean_squared_error

    pair = columns["true"].astype(np.float64), columns["predicted"].astype(np.float64)
    return ScoreMeasures(float(mean_squared_error(*pair)), float(mean_absolute_error(*pair)))


def _confusion(label: NDArray[Any], answer: NDArray[Any], classes: int) -> list[list[int]]:
    """Count the answers to each label; nothing is counted where there are too many classes."""
    from sklearn.metrics import confusion_matrix

    if classes > _MOST_CLASSES:
        return []
    counts: list[list[int]] = confusion_matrix(label, answer, labels=range(classes)).tolist()
    return counts


def _confused(label: NDArray[Any], answer: NDArray[Any], classes: Sequence[str]) -> list[Confusion]:
    """Return the most frequent wrong answers, the commonest first."""
    wrong = label != answer
    pairs, counts = np.unique(label[wrong].astype(np.int64) * len(classes) + answer[wrong], return_counts=True)
    commonest = np.argsort(-counts, kind="stable")[:_MOST_CONFUSED]
    return [
        Confusion(classes[pair // len(classes)], classes[pair % len(classes)], count)
        for pair, count in zip(pairs[commonest].tolist(), counts[commonest].tolist(), strict=True)
    ]
