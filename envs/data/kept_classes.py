"""Numbers of classes that a run has kept, for data whose classes may be others, or in another order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.errors import DataError
from glimpse.envs.meaning import unknown_class


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
