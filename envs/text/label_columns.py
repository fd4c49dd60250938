"""Labels in a column of a table: names of classes, scores, or several labels divided by `|`.

The option `labels` of a task says which of these they are.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.errors import DataError
from glimpse.envs.meaning import unknown_class
from glimpse.envs.options import LabelKindName
from glimpse.envs.text.row_faults import RowFaults, shorten
from glimpse.envs.text.rows import class_indices

BETWEEN_LABELS = "|"
_WIDEST = 1000
"""Greatest range of scores: an agent has an output for each whole number between the lowest and the highest."""
_DIGITS = 18
"""Most digits of labels that are sorted as numbers."""
_LARGEST = float(np.finfo(np.float32).max)


class LabelColumn(NamedTuple):
    """Column of labels.

    Attributes:
        path: The table.
        where: Names the line and row of each label for errors.
        cells: The labels, without spaces around them.
    """

    path: Path
    where: Sequence[str]
    cells: Sequence[str]


def classes_in(column: LabelColumn, kind: LabelKindName) -> tuple[str, ...]:
    """Return the names of the classes in a column, or of the single labels; none for scores.

    They are sorted: as numbers if all are whole numbers, and those of one number, 1 and 01, as texts.
    """
    if kind == "scores":
        return ()
    if kind == "classes":
        return _sorted_names(column.cells)
    return _sorted_names(label for cell in column.cells for label in labels_in(cell) if label)


def number_labels(
    column: LabelColumn, kind: LabelKindName, classes: tuple[str, ...], of_run: bool = False
) -> NDArray[Any]:
    """Return labels as numbers.

    Args:
        column: The labels.
        kind: What they are.
        classes: Names of the classes, or of single labels; none for scores.
        of_run: Whether the classes are those of a run instead of the training file's, for the error.

    Returns:
        Classes (N,) int64, scores (N,) float32, or several labels (N, C) int64 of 0 and 1.

    Raises:
        DataError: A label is unknown, or is no number.
    """
    if kind == "scores":
        return _scores(column)
    known, faults = set(classes), RowFaults(column.path)
    several = [labels_in(cell) if kind == "many" else [cell] for cell in column.cells]
    for where, cell, labels in zip(column.where, column.cells, several, strict=True):
        if "" in labels:
            faults.add(where, f": there is an empty label in {shorten(cell)}", "Divide labels by one | each.")
            continue
        for label in (label for label in labels if label not in known):
            _add_unknown(faults, where, label, classes, of_run)
    faults.check()
    if kind == "classes":
        return class_indices(column.cells, classes)
    marks, number = np.zeros((len(several), len(classes)), np.int64), {name: at for at, name in enumerate(classes)}
    for row, labels in zip(marks, several, strict=True):
        row[[number[label] for label in labels]] = 1
    return marks


def check_labels_differ(data: str, kind: LabelKindName, labels: NDArray[Any], first: str) -> None:
    """Raise DataError unless there are different labels to tell apart, and scores are within `_WIDEST` of each other.

    Args:
        data: The data, for the error.
        kind: What labels are.
        labels: Labels of training, as `number_labels` returns them.
        first: The first of them as it is written.
    """
    if (labels == labels[:1]).all():
        what = "no labels at all" if labels.size == 0 else f"one label alone, {shorten(first)}"
        what = f"the same labels in every row, {shorten(first)}" if kind == "many" and labels.size else what
        raise DataError(f"{data} has {what}: there is nothing to tell apart.")
    if kind != "scores":
        return
    low, high = float(labels.min()), float(labels.max())
    if high - low > _WIDEST:
        raise DataError(
            f"{data} has scores from {low:g} to {high:g}: they should lie within {_WIDEST} of each other. "
            "Divide all of them by the same number."
        )


def check_same_kind(kind: str, kept: str, data: str) -> None:
    """Raise DataError unless data have labels of the kind that a run has kept."""
    if kind != kept:
        raise DataError(
            f"the labels of {data} are read as {kind} (task.labels), and those of the run are {kept}: set "
            f"task.labels={kept}, with data that have such labels."
        )


def score_range(labels: NDArray[np.floating]) -> tuple[float, float]:
    """Return the range of scores: those of training, rounded outwards to whole numbers."""
    return float(np.floor(labels.min())), float(np.ceil(labels.max()))


def labels_in(cell: str) -> list[str]:
    """Return the labels that a cell names; none in an empty one. One that is missing between two marks is ""."""
    return [label.strip() for label in cell.split(BETWEEN_LABELS)] if cell.strip() else []


def _sorted_names(labels: Iterable[str]) -> tuple[str, ...]:
    distinct = set(labels)
    whole = all(len(label) <= _DIGITS and label.removeprefix("-").isdecimal() for label in distinct)
    return tuple(sorted(distinct, key=lambda label: (int(label) if whole else 0, label)))


def _add_unknown(faults: RowFaults, where: str, label: str, classes: tuple[str, ...], of_run: bool) -> None:
    """Note a label that is none of the classes."""
    if of_run:
        faults.add(where, f": {unknown_class(label, classes)}")
        return
    shown = ", ".join(map(shorten, classes[:20])) + (", ..." if len(classes) > 20 else "")
    faults.add(where, f": the label {shorten(label)} is unknown", f"The labels of the training file are: {shown}.")


def _scores(column: LabelColumn) -> NDArray[np.float32]:
    faults, scores = RowFaults(column.path), np.zeros(len(column.cells), np.float32)
    for number, (where, cell) in enumerate(zip(column.where, column.cells, strict=True)):
        score = _score(cell)
        if score is None:
            faults.add(where, f": a score should be a finite number, got {shorten(cell)}")
        else:
            scores[number] = score
    faults.check()
    return scores


def _score(label: str) -> float | None:
    """Return the number that a label is; None if it is none, or not a finite float32."""
    try:
        score = float(label)
    except ValueError:
        return None
    return score if abs(score) <= _LARGEST else None
