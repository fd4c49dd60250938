"""Labelled pictures as arrays, the result of every image reader."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pictures(NamedTuple):
    """Decoded pictures with their labels.

    Attributes:
        images: (N, C, H, W) uint8.
        labels: (N,) integers in [0, len(classes)).
        classes: The name of each class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.integer]
    classes: tuple[str, ...]
