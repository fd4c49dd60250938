"""Numbers of classes that a run has kept, for data whose classes may be others, or in another order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.errors import DataError
from glimpse.envs.meaning import unknown_class


def class_of_folder(folder: str, kept: tuple[str, ...]) -> str:
    """Return the class of a run that a folder is named by: its own name, or one whose `/` is `-` or `_` there."""
    if folder in kept:
        return folder
    return next((name for name in kept if "/" in name and folder in (name.replace("/", mark) for mark in "-_")), folder)


def number_as_kept(label: NDArray[Any], classes: Sequence[str], kept: tuple[str, ...], what: str) -> NDArray[np.int64]:
    """Give labels the numbers that their classes have in a run.

    Args:
        label: (N,) integers in [0, len(classes)).
        classes: The name of each class of the data.
        kept: The name of each class of the run.
        what: Names the data in an error.

    Raises:
        DataError: An example has a class that the run does not have.
    """
    number = {name: index for index, name in enumerate(kept)}
    unknown = next((classes[each] for each in np.unique(label).tolist() if classes[each] not in number), None)
    if unknown is not None:
        raise DataError(f"{what}: {unknown_class(unknown, kept)}.")
    numbers: NDArray[np.int64] = np.array([number.get(name, 0) for name in classes], np.int64)[label]
    return numbers
