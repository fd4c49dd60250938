"""Reader of any image classification data set of torchvision, by the name of its class.

torchvision reads, downloads and checks its own files. This module derives from a class's signature how to request
training and test images. It looks for files first in the data folder, in torchvision's layout, then in the cache.
"""

import inspect
import operator
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.data.downloads import CONNECT_OR_READ_SECONDS, PART, lock_cache, print_status, remove
from glimpse.envs.data.sources import SearchPath, unknown_name_error
from glimpse.envs.data.splits import hold_out
from glimpse.envs.errors import DataError
from glimpse.envs.images.labelled_images import Pictures
from glimpse.envs.images.picture_files import is_grey, to_array

Part = Literal["train", "test"]
# Names are tried in this order. If training images come with and without the validation images, all of them are taken,
# since `image_data` holds out its own.
_SPLIT_NAMES: dict[Part, tuple[str, ...]] = {"train": ("trainval", "train"), "test": ("test", "val")}


def read_torchvision(
    name: str, part: Part, search_path: SearchPath, *, download: bool = True, image_size: tuple[int, int] | None = None
) -> Pictures:
    """Decode one part of `torchvision.datasets.NAME`.

    If the class takes neither `train=` nor `split=`, a fixed fifth of its images is held out as the test set. Pictures
    become RGB unless all are grey.

    Args:
        name: The class, such as "CIFAR10".
        part: The part to decode.
        search_path: Folders of its files; downloads go to `search_path.cache / "torchvision" / name`.
        download: Whether they may be downloaded.
        image_size: Stretch each picture to this (height, width) in pixels; needed where their sizes differ.

    Raises:
        DataError: There is no such class, it gives no images with class labels, or its files cannot be loaded.
    """
    make = _class(name)
    dataset, has_parts = _opened(name, make, part, search_path, download)
    pictures = _decoded(name, dataset, image_size)
    if has_parts and not pictures.classes and part == "test":
        # If a data set does not name its classes, only the training images tell their number.
        train = read_torchvision(name, "train", search_path, download=download, image_size=image_size)
        pictures = pictures._replace(classes=train.classes)
    if not pictures.classes:
        pictures = pictures._replace(classes=tuple(str(label) for label in range(pictures.labels.max() + 1)))
    outside = set(pictures.labels.tolist()) - set(range(len(pictures.classes)))
    if outside:
        raise DataError(f"torchvision:{name} has the label {min(outside)}; expected [0, {len(pictures.classes)}).")
    if has_parts:
        return pictures
    kept, held = hold_out(len(pictures.labels), 5, f"torchvision:{name}")
    chosen = kept if part == "train" else held
    assert isinstance(pictures.images, np.ndarray)
    return Pictures(pictures.images[chosen], pictures.labels[chosen], pictures.classes)


def _class(name: str) -> Callable[..., Any]:
    """Return the class of that name in torchvision.datasets."""
    from torchvision import datasets

    classes = [known for known, value in vars(datasets).items() if inspect.isclass(value)]
    if name not in classes:
        raise unknown_name_error(name, classes, "torchvision data set")
    found: Callable[..., Any] = getattr(datasets, name)
    return found


def _opened(
    name: str, make: Callable[..., Any], part: Part, search_path: SearchPath, download: bool
) -> tuple[Any, bool]:
    """Open the data set in the first folder that has it, and tell whether its class has training and test parts."""
    parameters = inspect.signature(make).parameters
    cached = search_path.cache / "torchvision" / name
    failures = []
    for root in (search_path.named, cached) if "root" in parameters else (cached,):
        if root is not None:
            try:
                return _made(make, part, root, fetch=False)
            except Exception as error:  # Each class raises its own error if files are missing.
                failures.append(f"{root}: {type(error).__name__}: {error}")
    if not download:
        failures.append("downloads are switched off (data.download)")
    elif "download" not in parameters:
        failures.append("torchvision does not download it: get it from its owner, and put it into the data folder")
    else:
        try:
            _fetch(make, cached, search_path.cache)
            return _made(make, part, cached, fetch=False)
        except Exception as error:  # As above.
            failures.append(f"torchvision's download: {type(error).__name__}: {error}")
    lines = "".join(f"\n  - {failure}" for failure in failures)
    raise DataError(f"torchvision:{name} cannot be had. Tried, in this order:{lines}")


def _made(make: Callable[..., Any], part: Part, root: Path, fetch: bool) -> tuple[Any, bool]:
    """Make an instance of the class, and tell whether the class has training and test parts."""
    parameters = inspect.signature(make).parameters
    offered = {"root": str(root), "download": fetch, "train": part == "train"}
    arguments = {key: value for key, value in offered.items() if key in parameters}
    if "train" in arguments or "split" not in parameters:
        return make(**arguments), "train" in arguments
    *others, last = _SPLIT_NAMES[part]
    for split in others:
        # torchvision raises ValueError for a split that it does not have.
        with suppress(ValueError):
            return make(**arguments, split=split), True
    return make(**arguments, split=last), True


def _fetch(make: Callable[..., Any], target: Path, cache: Path) -> None:
    """Let torchvision download to a folder beside `target`, and rename it to `target` when it is complete."""
    partial_folder = target.with_name(target.name + PART)
    with lock_cache(cache), _network_timeout():
        with suppress(Exception):
            # Another process may have downloaded it while this one waited.
            _made(make, "train", target, fetch=False)
            return
        print_status(f"Fetching torchvision:{target.name} ...")
        partial_folder.mkdir(parents=True)
        try:
            for part in ("train", "test"):
                _made(make, part, partial_folder, fetch=True)
            remove(target)
            os.replace(partial_folder, target)
        finally:
            remove(partial_folder)


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Set a timeout for dead connections, since torchvision sets none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_OR_READ_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _decoded(name: str, dataset: Any, image_size: tuple[int, int] | None) -> Pictures:
    """Decode all images of a data set; `classes` is empty if it does not name them."""
    arrays: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for index in range(len(dataset)):
        try:
            picture, label = _example(dataset[index])
            array = to_array(picture, is_grey(picture), image_size)
        except DataError as error:
            raise DataError(f"torchvision:{name}: image {index} {error}") from error
        except Exception as error:  # Classes and Pillow's decoders raise errors of many kinds.
            raise DataError(f"torchvision:{name}: image {index} cannot be read ({error}).") from error
        if arrays and array.shape[1:] != arrays[0].shape[1:]:
            raise DataError(
                f"torchvision:{name} has images of different sizes, such as {arrays[0].shape[1:]} and "
                f"{array.shape[1:]}. Set image_size: [height, width] to give them one size."
            )
        arrays.append(array)
        labels.append(label)
    if not arrays:
        raise DataError(f"torchvision:{name} is empty.")
    channels = max(len(array) for array in arrays)
    images = np.stack([np.broadcast_to(array, (channels, *array.shape[1:])) for array in arrays])
    classes = getattr(dataset, "classes", None) or ()
    names = tuple(entry if isinstance(entry, str) else ", ".join(map(str, entry)) for entry in classes)
    return Pictures(images, np.array(labels), names)


def _example(example: Any) -> tuple[Image.Image, int]:
    """Return the picture and the class label of an example; raises DataError if it has none."""
    try:
        picture, label = example
        if isinstance(picture, Image.Image):
            return picture, operator.index(label)
    except (TypeError, ValueError):
        pass
    raise DataError("is not a picture with a class label; only image classification data sets are read.")
