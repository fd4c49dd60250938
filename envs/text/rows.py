"""Labelled texts before they are tokenised, and how they are divided into splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.splits import fold, hold_out


class Rows(NamedTuple):
    """N labelled texts.

    Attributes:
        text: N texts.
        label: (N,) int64 in [0, number of classes), or float32 scores; or (N, C) int64, several labels as 0 and 1.
        second: The second text of each pair, or None where texts are alone.
        evidence: The human rationale of each text: bool for each of its words (as spaces divide it), True if people
            marked the word as evidence for the label; None if nobody was asked.
    """

    text: list[str]
    label: NDArray[Any]
    second: list[str] | None = None
    evidence: list[NDArray[np.bool_]] | None = None

    def take(self, chosen: NDArray[np.intp]) -> "Rows":
        """Return the chosen rows, in the order given."""
        return Rows(*(_take(column, chosen) for column in self))


def _take(column: Any, chosen: NDArray[np.intp]) -> Any:
    if isinstance(column, list):
        return [column[index] for index in chosen.tolist()]
    return None if column is None else column[chosen]


class Splits(NamedTuple):
    """The three splits of a data set."""

    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True)
class Parts:
    """A data set in its official parts.

    Attributes:
        train: Training examples; those of missing parts are held out of them.
        validation: Validation examples, or None if there is no official part.
        test: Test examples, or None if there is no official part.
        classes: The name of each class; none where labels are scores.
    """

    train: Rows
    validation: Rows | None
    test: Rows | None
    classes: tuple[str, ...]

    def divide(self, number: int, what: str) -> Splits:
        """Divide the data into three splits, holding out what is missing.

        A missing test part is one of ten folds of the training examples; a missing validation part is a fixed tenth.

        Args:
            number: Which fold, in [0, 9], is the test split.
            what: Names the data in an error.

        Raises:
            DataError: There are too few examples.
        """
        train, validation, test = self.train, self.validation, self.test
        if test is None:
            kept, held = fold(len(train.label), number, what)
            train, test = train.take(kept), train.take(held)
        if validation is None:
            kept, held = hold_out(len(train.label), 10, what)
            train, validation = train.take(kept), train.take(held)
        return Splits(train, validation, test)


def class_indices(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the index of each label among the classes; raises KeyError for an unknown label."""
    number = {name: index for index, name in enumerate(classes)}
    return np.fromiter((number[label] for label in labels), np.int64, len(labels))
