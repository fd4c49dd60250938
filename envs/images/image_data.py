"""Image data sets, decoded once: as tensors in memory, or large ones as sets that are read as they are looked at."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from glimpse.envs.data.data_set import ImageSet
from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.free_memory import refuse_if_too_large
from glimpse.envs.data.kept_classes import class_of_folder, number_as_kept
from glimpse.envs.data.registry import IMAGE_SETS
from glimpse.envs.data.scikit_learn_files import scikit_learn_file
from glimpse.envs.data.sources import SearchPath, read_files, unknown_name_error
from glimpse.envs.data.splits import hold_out
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.images.decoded_pictures import RESIDENT_MB, Keeping
from glimpse.envs.images.folder_parts import validation_folder
from glimpse.envs.images.idx import parse_pair
from glimpse.envs.images.image_folder import (
    FolderPart,
    read_image_folder,
    read_validation_pictures,
)
from glimpse.envs.images.labelled_images import Pictures
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.torchvision_images import read_torchvision
from glimpse.envs.text.label_columns import check_same_kind

Part = Literal["train", "test"]


@dataclass(frozen=True)
class ImageData:
    """One split of an image data set. Its tensors are shared by all callers: never change them in place.

    Attributes:
        images: (N, C, H, W) uint8, in [0, 255]; of large sets a `PictureSet`, which is read as it is looked at.
        labels: (N,) int64, in [0, len(classes)); or float32 scores; or (N, C) int64, several labels as 0 and 1.
        classes: The name of each class or label; none where labels are scores.
        scores: The lowest and the highest score, or None where labels are classes.
    """

    images: Any
    labels: Tensor
    classes: tuple[str, ...]
    scores: tuple[float, float] | None = None


def load_images(
    data: str,
    split: Literal["train", "validation", "test"],
    *,
    root: str | None = None,
    download: bool = True,
    image_size: tuple[int, int] | None = None,
    meaning: PictureMeaning | None = None,
    validation: str | None = None,
    resident_mb: int = RESIDENT_MB,
) -> ImageData:
    """Load one split of a data set, on the CPU.

    The validation split is `validation`, or that of a folder with `val` beside `train`; else a fixed tenth of the
    training images, drawn with a constant seed, and the training split is the rest. Files are checked when a process
    first reads them.

    Args:
        data: A name in `glimpse.envs.data.registry.IMAGE_SETS`, "torchvision:NAME" (see `torchvision_images`) or
            "folder:PATH" (see `image_folder`).
        split: The split to load.
        root: Data folder; GLIMPSE_DATA by default. `glimpse.envs.data.sources` says where else files come from.
        download: Whether missing files may be downloaded to the cache.
        image_size: Stretch each image to this (height, width) in pixels.
        meaning: The classes, in their order, and the shape of pictures of a run; by default those of the data.
        validation: "folder:PATH", with the validation split in PATH/CLASS/*.
        resident_mb: Megabytes of pictures of a folder's part that may be in memory; of more, the cache is read.

    Raises:
        DataError: There is no such data set, or a file of it is missing or damaged; or a class or the shape of a
            picture is none that `meaning` has.
    """
    if split not in ("train", "validation", "test"):
        raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    if image_size is not None and min(image_size) < 1:
        raise DataError(f"image_size must be a height and a width of at least 1 pixel, got {image_size}")
    kind, _, name = data.partition(":")
    if kind == "folder" and name:
        # The cache key has to mean the same folder after the process changes its working directory.
        data = f"folder:{user_path(name, 'task.data')}"
    asked = data, SearchPath.of(root), download, image_size, resident_mb
    if split == "test":
        return _test(*asked, None if _means(_test.recall(*asked, None), meaning) else meaning)
    own = None if validation is None else user_path(validation.removeprefix("folder:"), "task.validation")
    before = _train_and_validation.recall(*asked, own, None)
    both = _train_and_validation(*asked, own, None if _means(before and before[0], meaning) else meaning)
    return both[0] if split == "train" else both[1]


def _means(read: ImageData | None, meaning: PictureMeaning | None) -> bool:
    """Return whether data that were read before have a run's meaning by themselves, and need not be read anew."""
    if read is None or meaning is None:
        return False
    same = read.classes == meaning.classes and meaning.label_kind_name == "classes"
    return same and meaning.has_shape(tuple(read.images.shape[1:]))


@CachedReader
def _train_and_validation(
    data: str,
    search_path: SearchPath,
    download: bool,
    image_size: tuple[int, int] | None,
    resident_mb: int,
    validation: Path | None,
    meaning: PictureMeaning | None,
) -> tuple[ImageData, ImageData]:
    keeping = _keeping(search_path, resident_mb)
    pictures = _read(data, "train", search_path, download, image_size, meaning, keeping)
    if validation is not None:
        train = _whole(pictures, data, image_size)
        channels, height, width = train.images.shape[1:]
        given = read_validation_pictures(validation, train.classes, (channels, height, width), image_size, keeping)
        return train, _whole(given, str(validation), image_size)
    if _has_validation_folder(data):
        held_out = _read(data, "validation", search_path, download, image_size, meaning, keeping)
        return _whole(pictures, data, image_size), _whole(held_out, data, image_size)
    kept, held = hold_out(len(pictures.labels), 10, data)
    return _resident(pictures, kept, data, image_size), _resident(pictures, held, data, image_size)


@CachedReader
def _test(
    data: str,
    search_path: SearchPath,
    download: bool,
    image_size: tuple[int, int] | None,
    resident_mb: int,
    meaning: PictureMeaning | None,
) -> ImageData:
    keeping = _keeping(search_path, resident_mb)
    return _whole(_read(data, "test", search_path, download, image_size, meaning, keeping), data, image_size)


def _keeping(search_path: SearchPath, resident_mb: int) -> Keeping:
    """Return where decoded pictures of the user's own are kept."""
    return Keeping(search_path.cache, resident_mb * 10**6)


def _has_validation_folder(data: str) -> bool:
    """Return whether data are a folder of pictures with a validation part of its own."""
    kind, _, name = data.partition(":")
    return kind == "folder" and validation_folder(Path(name)) is not None


def _whole(pictures: Pictures, data: str, image_size: tuple[int, int] | None) -> ImageData:
    """Copy all examples of a part into tensors."""
    return _resident(pictures, np.arange(len(pictures.labels)), data, image_size)


def _read(
    data: str,
    part: FolderPart,
    search_path: SearchPath,
    download: bool,
    image_size: tuple[int, int] | None,
    meaning: PictureMeaning | None,
    keeping: Keeping,
) -> Pictures:
    """Decode one official part of a data set, as a run has kept it; "train" contains the validation split."""
    if meaning is not None:
        check_same_kind("classes", meaning.label_kind_name, data)
    shape = None if meaning is None else meaning.shape
    pictures = _decoded(data, part, search_path, download, image_size, shape, keeping)
    if meaning is None:
        return pictures
    named = pictures.classes
    if data.startswith("folder:"):
        named = tuple(class_of_folder(name, meaning.classes) for name in named)
    labels = number_as_kept(pictures.labels, named, meaning.classes, data)
    if (
        isinstance(pictures.images, np.ndarray) and pictures.images.shape[1] == 1 < meaning.shape[0]
    ):  # Grey pictures among coloured ones have three channels.
        pictures = pictures._replace(images=np.repeat(pictures.images, meaning.shape[0], 1))
    found = (pictures.images.shape[1], *(image_size or pictures.images.shape[2:]))
    if not meaning.has_shape(found):
        problem = f"{data}: {meaning.contradiction(meaning.model_copy(update={'shape': found}))}."
        stretch = f" Stretch them by task.image_size=[{meaning.shape[1]},{meaning.shape[2]}]."
        raise DataError(problem + stretch * (found[0] == meaning.shape[0]))
    return pictures._replace(labels=labels, classes=meaning.classes)


def _decoded(
    data: str,
    part: FolderPart,
    search_path: SearchPath,
    download: bool,
    image_size: tuple[int, int] | None,
    shape: tuple[int, int, int] | None,
    keeping: Keeping,
) -> Pictures:
    """Decode one official part; `shape` is that of a run's pictures, where a folder of any pictures should have it."""
    kind, _, name = data.partition(":")
    if kind == "folder" and name:
        return read_image_folder(Path(name), part, image_size, shape, keeping)
    if part == "validation":
        raise DataError(f"{data} has no validation part of its own")
    if kind == "torchvision" and name:
        return read_torchvision(name, part, search_path, download=download, image_size=image_size)
    if data not in IMAGE_SETS:
        raise unknown_name_error(data, IMAGE_SETS, "data set", " There are also torchvision:NAME and folder:PATH.")
    known = IMAGE_SETS[data]
    pictures: Pictures = resolve_name(known.read)(known, part, search_path, download=download)
    return pictures


def read_idx_set(known: ImageSet, part: Part, search_path: SearchPath, *, download: bool = True) -> Pictures:
    """Read one part of a data set that consists of four IDX files with MNIST's names.

    Args:
        known: Its entry in the registry.
        part: "train", with the validation split, or "test".
        search_path: Where its files are looked for.
        download: Whether missing files may be downloaded to the cache.

    Raises:
        DataError: A file is missing or damaged.
    """
    if known.files is None:
        raise DataError("an image data set without files needs a `read` of its own in its registry entry")
    prefix = "train" if part == "train" else "t10k"
    wanted = (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
    image_file, label_file = read_files(known.files, wanted, search_path, download=download)
    images, labels = parse_pair(image_file, label_file, len(known.classes))
    return Pictures(images[:, None], labels, known.classes)


def read_digits(known: ImageSet, part: Part, search_path: SearchPath, *, download: bool = True) -> Pictures:
    """Read scikit-learn's 1,797 digits: 8 x 8 pixels from 0 to 16, scaled to [0, 255]; a fixed fifth is the test part.

    Args:
        known: Its entry in the registry.
        part: "train", with the validation split, or "test".
        search_path: Not used; the digits come with scikit-learn.
        download: Not used.
    """
    images, labels = _digits()
    kept, held = hold_out(len(labels), 5, "digits")
    chosen = kept if part == "train" else held
    return Pictures(images[chosen], labels[chosen], known.classes)


@cache
def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all of scikit-learn's digits, (1797, 1, 8, 8), and their labels; its file of text is read once."""
    table = np.loadtxt(scikit_learn_file("data/digits.csv.gz"), np.int64, delimiter=",")
    return np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8), table[:, -1]


def _resident(pictures: Pictures, chosen: NDArray[np.intp], data: str, image_size: tuple[int, int] | None) -> ImageData:
    """Copy the chosen examples into tensors, resized unless the reader has resized them already.

    Of a set, the chosen pictures stay where they are.
    """
    labels = torch.from_numpy(pictures.labels[chosen].astype(np.int64))
    if not isinstance(pictures.images, np.ndarray):
        return ImageData(pictures.images.select(torch.from_numpy(chosen)), labels, pictures.classes)
    if image_size is not None:
        refuse_if_too_large(
            len(chosen) * pictures.images.shape[1] * float(image_size[0]) * image_size[1],
            f"{data}: {len(chosen):,} images of {image_size[0]} x {image_size[1]} pixels",
            "Give a smaller task.image_size.",
        )
    images = torch.from_numpy(pictures.images[chosen])
    if image_size is not None and images.shape[2:] != image_size:
        images = functional.interpolate(images, size=image_size, mode="bilinear", antialias=True)
    return ImageData(images.contiguous(), labels, pictures.classes)
