"""Labelled pictures as arrays: what every reader gives, how one becomes pixels, how some are held out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.errors import DataError

SPLIT_SEED = 20140624
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


def hold_out(count: int, share: int, what: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split `count` examples: one in `share` (at least one) is held out.

    The choice depends on `count` alone and is the same on every machine and in every version.

    Returns:
        The indices kept and the indices held out, each ascending.

    Raises:
        DataError: There are fewer than two examples; `what` names them.
    """
    if count < 2:
        raise DataError(f"{what}: at least two training images are needed to hold one out, got {count}.")
    # NumPy promises never to change what RandomState draws; its newer generators and torch's do not.
    order = np.random.RandomState(SPLIT_SEED).permutation(count)
    held = max(1, count // share)
    return np.sort(order[held:]), np.sort(order[:held])
