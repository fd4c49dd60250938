"""Labelled pictures as arrays, the result of every image reader, and the conversion of Pillow images."""

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
    """Return whether a picture is grey, so that one channel is enough.

    Raises:
        DataError: The picture has more than 8 bits for each channel.
    """
    if picture.mode.startswith(("I", "F")):
        raise DataError(f"has more than 8 bits for each channel (mode {picture.mode}); convert it to 8 bits.")
    return picture.mode in _GREY_MODES


def to_array(picture: Image.Image, grey: bool, image_size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Convert a picture to an array and drop its transparency.

    Args:
        picture: A Pillow image.
        grey: Whether the array has one channel instead of three.
        image_size: Stretch the picture to this (height, width) in pixels.

    Returns:
        (C, H, W) uint8.
    """
    picture = picture.convert("L" if grey else "RGB")
    if image_size is not None:
        height, width = image_size
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(picture)
    return array[None] if grey else array.transpose(2, 0, 1)
