"""Reader of images in folders by class: PATH/train/CLASS/* and PATH/test/CLASS/*.

Images may be grey or RGB and of any size. All become RGB unless all are grey. Images of different sizes are centred on
black canvases of the largest height and the largest width of both parts, unless they are resized.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from glimpse.envs.data.file_digests import note_file, note_folder
from glimpse.envs.errors import DataError
from glimpse.envs.images.labelled_images import Pictures, is_grey, to_array

_LAYOUT = "Expected PATH/train/CLASS/* and PATH/test/CLASS/* with the same classes in both."


Shape = tuple[int, int, int]


def read_image_folder(
    path: Path,
    part: Literal["train", "test"],
    image_size: tuple[int, int] | None = None,
    shape: Shape | None = None,
) -> Pictures:
    """Decode one part of an image folder; classes are the sorted names of the folders in `train`.

    Args:
        path: The folder that holds `train` and `test`.
        part: The part to decode. Sizes and colours of both parts decide the shape, so that both have the same.
        image_size: Stretch each picture to this (height, width) in pixels.
        shape: (channels, height, width) of a run's pictures, which these should have too; then the other part may be
            missing, and classes are the folders of this part.

    Raises:
        DataError: A folder is missing or empty, the parts' classes differ, a file is no readable image, or pictures
            do not fit `shape`.
    """
    names = [name for name in ("train", "test") if shape is None or name == part or (path / name).is_dir()]
    files = {name: _files_by_class(path / name) for name in names}
    if shape is None and (unequal := files["train"].keys() ^ files["test"].keys()):
        only_in = "train" if min(unequal) in files["train"] else "test"
        raise DataError(f"{path}: class {min(unequal)!r} is in {only_in} only. {_LAYOUT}")
    canvas = _canvas([file for by_class in files.values() for group in by_class.values() for file in group])
    if shape is not None:
        canvas = _kept_canvas(canvas, shape, image_size, path)
    classes = tuple(files[part])
    labelled = [(file, label) for label, name in enumerate(classes) for file in files[part][name]]
    height, width = image_size or (canvas.height, canvas.width)
    images = _black((len(labelled), 1 if canvas.grey else 3, height, width), path)
    for image, (file, _) in zip(images, labelled, strict=True):
        with _opened(file) as picture:
            array = to_array(picture, canvas.grey, image_size)
        note_file(file, file.read_bytes(), file.relative_to(path).as_posix())
        top, left = (height - array.shape[1]) // 2, (width - array.shape[2]) // 2
        image[:, top : top + array.shape[1], left : left + array.shape[2]] = array
    return Pictures(images, np.array([label for _, label in labelled]), classes)


def _files_by_class(part: Path) -> dict[str, list[Path]]:
    """Return the files of each class folder, both sorted by name; hidden ones (.DS_Store) are skipped."""
    if not part.is_dir():
        raise DataError(f"{part} is not a folder. {_LAYOUT}")
    note_folder(part)
    folders = sorted(entry for entry in part.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise DataError(f"{part} holds no class folders. {_LAYOUT}")
    files = {
        folder.name: sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".")) for folder in folders
    }
    for folder in folders:
        note_folder(folder)
        if not files[folder.name]:
            raise DataError(f"{folder} holds no images. Add some, or remove the class from train and test.")
    return files


class _Canvas(NamedTuple):
    """Shape that fits every picture, and whether all have one size."""

    height: int
    width: int
    grey: bool
    one_size: bool


def _canvas(files: list[Path]) -> _Canvas:
    """Return the largest height and width of the pictures, and whether all are grey, from their headers."""
    sizes, grey = set(), True
    for file in files:
        with _opened(file) as picture:
            sizes.add((picture.height, picture.width))
            grey = is_grey(picture) and grey
    height, width = (max(sides) for sides in zip(*sizes, strict=True))
    return _Canvas(height, width, grey, len(sizes) == 1)


def _kept_canvas(found: _Canvas, shape: Shape, image_size: tuple[int, int] | None, path: Path) -> _Canvas:
    """Return the canvas of a run; smaller pictures are centred on it if it was made for several sizes.

    Raises:
        DataError: Pictures are larger or coloured, or all have another size.
    """
    channels, height, width = shape
    what = f"{path}: the run has pictures of {height} x {width} pixels in {'grey' if channels == 1 else 'colour'}"
    remedy = "Convert the pictures to those of the run, or train a new run"
    if channels == 1 and not found.grey:
        raise DataError(f"{what}, and some of these are coloured. {remedy}.")
    larger = found.height > height or found.width > width
    other = found.one_size and (found.height, found.width) != (height, width)
    if image_size is None and (larger or other):
        raise DataError(f"{what}, and these have {found.height} x {found.width}. {remedy}.")
    return _Canvas(height, width, channels == 1, found.one_size)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """Open a picture; any error in the block, such as one of decoding, becomes a DataError that names the file."""
    try:
        with Image.open(file) as picture:
            yield picture
    except DataError as error:
        raise DataError(f"{file} {error}") from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds on damaged files.
        raise DataError(f"{file} cannot be read as an image ({error}). Replace or remove it.") from error


def _black(shape: tuple[int, int, int, int], path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return zeros, or raise a clear error if they do not fit into memory."""
    try:
        return np.zeros(shape, np.uint8)
    except MemoryError as error:
        gigabytes = np.prod(shape, dtype=float) / 1e9
        raise DataError(
            f"{path}: {shape[0]:,} images on canvases of {shape[2]} x {shape[3]} need {gigabytes:.1f} GB of "
            "memory. Set image_size: [height, width] to make them smaller."
        ) from error
