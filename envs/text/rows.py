"""Labelled texts before they are tokenised: what every reader gives, and how they are divided."""

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
        label: (N,) int64 in [0, number of classes), or float32 scores.
        second: The second text of each pair, or None where texts are alone.
        evidence: For each text a mark for each of its words (as spaces divide it), whether people named it as a
            reason for the label; or None.
    """

    text: list[str]
    label: NDArray[Any]
    second: list[str] | None = None
    evidence: list[NDArray[np.bool_]] | None = None

    def take(self, chosen: NDArray[np.intp]) -> "Rows":
        """Some of them, in the order given."""
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
    """Data as its makers divided it.

    Attributes:
        train: Training examples, and those of the parts that are missing.
        validation: Validation examples, if its makers chose some.
        test: Test examples, if its makers chose some.
        classes: The name of each class; none where labels are scores.
    """

    train: Rows
    validation: Rows | None
    test: Rows | None
    classes: tuple[str, ...]

    def divide(self, number: int, what: str) -> Splits:
        """Hold out what is missing: the test part by ten folds, of which one is taken; the validation part by a tenth.

        Args:
            number: Which fold, in [0, 9].
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


def numbered(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """The place of each label among the classes; raises KeyError for one that is none of them."""
    number = {name: index for index, name in enumerate(classes)}
    return np.fromiter((number[label] for label in labels), np.int64, len(labels))
