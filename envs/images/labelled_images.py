"""Labelled pictures as arrays, the result of every image reader."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.images.picture_set import PictureSet


class Pictures(NamedTuple):
    """Decoded pictures with their labels.

    Attributes:
        images: (N, C, H, W) uint8, or a set that is read as it is looked at.
        labels: (N,) integers in [0, len(classes)).
        classes: The name of each class.
    """

    images: NDArray[np.uint8] | PictureSet
    labels: NDArray[np.integer]
    classes: tuple[str, ...]
