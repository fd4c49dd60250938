"""Image data sets as resident tensors, decoded once in a process."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from glimpse.envs.data.sources import Places, read_files, unknown
from glimpse.envs.data.splits import hold_out
from glimpse.envs.errors import DataError
from glimpse.envs.images.idx import parse_pair
from glimpse.envs.images.image_folder import read_image_folder
from glimpse.envs.images.image_sets import IMAGE_SETS, TEST_FILES, TRAIN_FILES
from glimpse.envs.images.labelled_images import Pictures
from glimpse.envs.images.torchvision_images import read_torchvision

Part = Literal["train", "test"]


@dataclass(frozen=True)
class ImageData:
    """One split of a data set. The tensors are shared by all who load it: never change them in place.

    Attributes:
        images: (N, C, H, W) uint8, in [0, 255].
        labels: (N,) int64, in [0, len(classes)).
        classes: The name of each class.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def load_images(
    data: str,
    split: Literal["train", "validation", "test"],
    *,
    root: str | None = None,
    download: bool = True,
    image_size: tuple[int, int] | None = None,
) -> ImageData:
    """Load one split of a data set, on the CPU.

    The validation split is a tenth of the training images, chosen by a constant seed and so always the same;
    the training split is the rest. Files are checked the first time that a process reads them.

    Args:
        data: "mnist", "fashion-mnist", "digits" (scikit-learn's, 8 x 8; a fixed fifth is the test set),
            "torchvision:NAME" (see `torchvision_images`) or "folder:PATH" (see `image_folder`).
        split: Which split.
        root: Data folder; without it GLIMPSE_DATA. `sources` says where else files come from.
        download: Whether missing files may be fetched into the cache.
        image_size: Stretch each image to this (height, width) in pixels.

    Raises:
        DataError: There is no such data set, or a file of it is missing or damaged.
    """
    if split not in ("train", "validation", "test"):
        raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    if image_size is not None and min(image_size) < 1:
        raise DataError(f"image_size must be a height and a width of at least 1 pixel, got {image_size}")
    kind, _, name = data.partition(":")
    if kind == "folder" and name:
        # What is kept in memory belongs to one place, wherever the process goes later.
        data = f"folder:{Path(name).expanduser().absolute()}"
    places = Places.of(root)
    if split == "test":
        return _test(data, places, download, image_size)
    train, validation = _train_and_validation(data, places, download, image_size)
    return train if split == "train" else validation


@cache  # An error is not kept, so a mended file is read again.
def _train_and_validation(
    data: str, places: Places, download: bool, image_size: tuple[int, int] | None
) -> tuple[ImageData, ImageData]:
    pictures = _read(data, "train", places, download, image_size)
    kept, held = hold_out(len(pictures.labels), 10, data)
    return _resident(pictures, kept, image_size), _resident(pictures, held, image_size)


@cache
def _test(data: str, places: Places, download: bool, image_size: tuple[int, int] | None) -> ImageData:
    pictures = _read(data, "test", places, download, image_size)
    return _resident(pictures, np.arange(len(pictures.labels)), image_size)


def _read(data: str, part: Part, places: Places, download: bool, image_size: tuple[int, int] | None) -> Pictures:
    """Decode one part of a data set as its makers divided it."""
    kind, _, name = data.partition(":")
    if kind == "folder" and name:
        return read_image_folder(Path(name), part, image_size)
    if kind == "torchvision" and name:
        return read_torchvision(name, part, places, download=download, image_size=image_size)
    if data not in IMAGE_SETS:
        raise unknown(data, IMAGE_SETS, "data set", " There are also torchvision:NAME and folder:PATH.")
    known = IMAGE_SETS[data]
    if known.files is None:
        return _read_digits(part)
    wanted = TRAIN_FILES if part == "train" else TEST_FILES
    image_file, label_file = read_files(known.files, wanted, places, download=download)
    images, labels = parse_pair(image_file, label_file, len(known.classes))
    return Pictures(images[:, None], labels, known.classes)


def _read_digits(part: Part) -> Pictures:
    """The digits that scikit-learn ships: 8 x 8 pixels from 0 to 16, here scaled to [0, 255]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    kept, held = hold_out(len(digits.target), 5, "digits")
    chosen = kept if part == "train" else held
    images = np.rint(digits.images[chosen] * (255 / 16)).astype(np.uint8)
    return Pictures(images[:, None], digits.target[chosen], IMAGE_SETS["digits"].classes)


def _resident(pictures: Pictures, chosen: NDArray[np.intp], image_size: tuple[int, int] | None) -> ImageData:
    """The chosen examples as tensors of their own; readers that know the size have already given it."""
    images = torch.from_numpy(pictures.images[chosen])
    if image_size is not None and images.shape[2:] != image_size:
        images = functional.interpolate(images, size=image_size, mode="bilinear", antialias=True)
    return ImageData(images.contiguous(), torch.from_numpy(pictures.labels[chosen].astype(np.int64)), pictures.classes)
