"""Labelled pictures as arrays: what every reader gives, and how one becomes pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.errors import DataError

_GREY_MODES = ("1", "L", "LA")


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


def is_grey(picture: Image.Image) -> bool:
    """Whether one channel holds all of a picture; raises DataError where eight bits would not."""
    if picture.mode.startswith(("I", "F")):
        raise DataError(f"has more than 8 bits for each channel (mode {picture.mode}); convert it to 8 bits.")
    return picture.mode in _GREY_MODES


def pixels(picture: Image.Image, grey: bool, image_size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The pixels (C, H, W) of a picture, stretched to (H, W) if that is given; transparency is dropped."""
    picture = picture.convert("L" if grey else "RGB")
    if image_size is not None:
        height, width = image_size
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(picture)
    return array[None] if grey else array.transpose(2, 0, 1)
