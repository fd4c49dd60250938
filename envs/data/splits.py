"""Held-out examples of data sets that have no official validation or test part: always the same ones."""

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.errors import DataError

SPLIT_SEED = 20140624
FOLDS = 10


def hold_out(count: int, share: int, what: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split `count` examples: one in `share` (at least one) is held out.

    The choice depends on `count` and `share` alone and is the same on every machine and in every version.

    Args:
        count: Number of examples.
        share: One example in so many is held out.
        what: Names the examples in an error.

    Returns:
        The indices kept and the indices held out, each ascending.

    Raises:
        DataError: There are fewer than two examples.
    """
    if count < 2:
        raise DataError(
            f"{what}: at least two training examples are needed to hold one out, got {count}. Add examples, or name "
            "a validation part of its own: task.validation"
        )
    order = _order(count)
    held = max(1, count // share)
    return np.sort(order[held:]), np.sort(order[:held])


def fold(count: int, number: int, what: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split `count` examples for cross-validation: every tenth of a fixed order, from `number` on, is held out.

    Each example is held out in exactly one of the ten folds.

    Args:
        count: Number of examples.
        number: Which fold, in [0, 9].
        what: Names the examples in an error.

    Returns:
        The indices kept and the indices held out, each ascending.

    Raises:
        DataError: There are fewer than ten examples.
    """
    if count < FOLDS:
        raise DataError(
            f"{what}: at least ten examples are needed to hold some out as the test part, got {count}. Add examples, "
            "or name a test part of its own: task.test=file:PATH"
        )
    order = _order(count)
    held = np.zeros(count, bool)
    held[order[number::FOLDS]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _order(count: int) -> NDArray[np.intp]:
    # NumPy promises never to change what RandomState draws; its newer generators and torch's do not.
    return np.random.RandomState(SPLIT_SEED).permutation(count)
