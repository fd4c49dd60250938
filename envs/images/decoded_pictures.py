"""Decoding of picture files: into memory where they are few, else into the cache, once.

Axes: N pictures, C channels, H x W pixels.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray

from glimpse.envs.data.decoded_cache import DecodedFrom, code_digest, keep_decoded, stamps
from glimpse.envs.data.downloads import print_status, remove
from glimpse.envs.data.file_digests import note_digest, note_file
from glimpse.envs.data.free_memory import refuse_if_too_large
from glimpse.envs.images.picture_files import is_grey, opened_picture, to_array, upright_size
from glimpse.envs.images.picture_set import MARGIN, PictureSet
from glimpse.envs.images.stored_pictures import FILES, PIXELS, SIZES, StoredPictures
from glimpse.envs.live_line import clear_line, counting, progress_of

RESIDENT_MB = 256
"""Megabytes of decoded pictures that a part of the data may have to be kept in memory."""
_KEPT = 1 << 25
"""Bytes of decoded pictures from which on they are kept in the cache."""
_MEASURED = 1_000
"""Number of pictures from which on their sizes are kept in the cache."""
_LARGE = 1 << 24
"""Pixels of a canvas above which one picture is decoded at a time."""

_CODE = code_digest(Path(__file__).with_name("picture_files.py"))

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class Keeping(NamedTuple):
    """Where decoded pictures are kept.

    cache: The folder of the cache; None decodes into memory.
    resident: Bytes that a part of the data may take in memory; a larger one is read as it is looked at.
    """

    cache: Path | None = None
    resident: int = RESIDENT_MB * 10**6


IN_MEMORY = Keeping(None)


class Canvas(NamedTuple):
    """Shape that fits every picture, and whether all have one size."""

    height: int
    width: int
    grey: bool
    one_size: bool

    def shape(self, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
        """Return (C, H, W) of pictures that are stretched to a size, or centred on the canvas."""
        return (1 if self.grey else 3, *(image_size or (self.height, self.width)))


def canvas_of(files: list[Path], keeping: Keeping = IN_MEMORY) -> Canvas:
    """Return the largest height and width of the pictures, and whether all are grey, from their headers.

    Args:
        files: The pictures.
        keeping: Where the sizes of many pictures are kept.
    """
    found = None
    if keeping.cache is not None and len(files) >= _MEASURED:
        found = _kept_sizes(files, keeping.cache)
    if found is None:
        found = _measure(files)
    height, width, grey = found[:, 0].max(), found[:, 1].max(), found[:, 2].min()
    return Canvas(int(height), int(width), bool(grey), bool((found[:, :2] == found[0, :2]).all()))


def _measure(files: list[Path]) -> NDArray[np.int64]:
    """Return the height and width of each picture, and 1 where it is grey: (N, 3)."""
    found = np.zeros((len(files), 3), np.int64)
    with progress_of("pictures measured", len(files)) as advance:
        for row, file in zip(found, counting(files, advance), strict=True):
            with opened_picture(file) as picture:
                row[:] = *upright_size(picture), is_grey(picture)
    return found


def _kept_sizes(files: list[Path], cache: Path) -> NDArray[np.int64] | None:
    """Return what `_measure` does, from the cache; None if that can be neither read nor written."""
    where, files = os.path.commonpath(files), sorted(files, key=str)  # One entry, whichever part comes first.

    def write(folder: Path) -> Mapping[str, Any]:
        np.save(folder / SIZES, _measure(files))
        return {}

    what = f"sizes of {len(files):,} pictures of {where}"
    try:
        folder = keep_decoded(cache, what, ["sizes", where], _content(files), 0, write, DecodedFrom(where, _CODE))
        found: NDArray[np.int64] = np.load(folder / SIZES)
    except (OSError, ValueError):
        return None
    return found if found.shape == (len(files), 3) else None


def _content(files: Sequence[Path]) -> object:
    """Return what decides decoded pictures besides the options: the files, and the code that decodes them."""
    return [stamps(files), PIL.__version__, _CODE]


def decode_pictures(
    path: Path,
    part: str,
    files: Sequence[Path],
    names: Sequence[str],
    canvas: Canvas,
    image_size: tuple[int, int] | None,
    keeping: Keeping = IN_MEMORY,
) -> NDArray[np.uint8] | PictureSet:
    """Decode files, each at the centre of the canvas.

    Args:
        path: The data set, for errors.
        part: The part of it.
        files: The files.
        names: Names by which the files are noted.
        canvas: Shape of the result, and whether it is grey.
        image_size: Stretch each picture to this (height, width) in pixels.
        keeping: Where they are kept if they are many.

    Returns:
        (N, C, H, W) uint8; or a set, if that has more bytes than `keeping.resident`.
    """
    needed = len(files) * float(np.prod(canvas.shape(image_size)))
    found = None
    if keeping.cache is not None and needed >= _KEPT:
        try:
            found = _kept_pictures(path, part, files, names, canvas, image_size, keeping.cache)
        except OSError as error:
            clear_line()
            why = error.strerror or error
            print_status(
                f"note: {keeping.cache} cannot keep the decoded pictures of {path} ({why}): they stay in memory"
            )
    if found is None:
        return _decode_into_memory(path, files, names, canvas, image_size)
    if needed > keeping.resident:
        return found
    whole = _black((len(files), *canvas.shape(image_size)), path)
    for number, image in enumerate(whole):
        image[:] = found[number].numpy()
    return whole


def _decode_into_memory(
    path: Path, files: Sequence[Path], names: Sequence[str], canvas: Canvas, image_size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    """Decode files as (N, C, H, W)."""
    images = _black((len(files), *canvas.shape(image_size)), path)
    height, width = images.shape[2:]
    with progress_of(f"pictures of {path.name} read", len(files)) as advance:
        for image, file, name in counting(zip(images, files, names, strict=True), advance):
            with opened_picture(file) as picture:
                array = to_array(picture, canvas.grey, image_size)
            note_file(file, file.read_bytes(), name)
            top, left = (height - array.shape[1]) // 2, (width - array.shape[2]) // 2
            image[:, top : top + array.shape[1], left : left + array.shape[2]] = array
    return images


def _kept_pictures(
    path: Path,
    part: str,
    files: Sequence[Path],
    names: Sequence[str],
    canvas: Canvas,
    image_size: tuple[int, int] | None,
    cache: Path,
) -> StoredPictures:
    """Return the pictures of the cache, and note their files; raises OSError if the cache cannot be written."""
    shape = canvas.shape(image_size)
    subject = ["pictures", str(path), part, shape[0], image_size]
    what = f"{len(files):,} pictures of {path}, {part}" + (f", {shape[1]} x {shape[2]}" if image_size else "")
    known = canvas.one_size or image_size is not None
    needed = len(files) * int(np.prod(shape)) if known else 0
    write = partial(_write_pictures, path, files, canvas, image_size)
    keep = partial(keep_decoded, cache, what, subject, _content(files), needed, write, DecodedFrom(str(path), _CODE))
    folder = keep()
    try:
        found, read = StoredPictures(folder, shape), np.load(folder / FILES)
        if not len(found) == len(read) == len(files):
            raise ValueError("another number of pictures")
    except (OSError, ValueError, KeyError):  # Something has damaged the entry.
        remove(folder)
        folder = keep()
        found, read = StoredPictures(folder, shape), np.load(folder / FILES)
    for file, name, (size, digest) in zip(files, names, read.tolist(), strict=True):
        note_digest(file, size, digest.decode(), name)
    return found


def _write_pictures(
    path: Path, files: Sequence[Path], canvas: Canvas, image_size: tuple[int, int] | None, folder: Path
) -> Mapping[str, Any]:
    """Decode files into the folder of an entry, each in its own size."""
    sizes, read = [], []
    decode = partial(_decode, canvas.grey, image_size)
    workers = 1 if canvas.height * canvas.width > _LARGE else min(4, os.cpu_count() or 1)
    with (folder / PIXELS).open("wb") as file, progress_of(f"pictures of {path.name} decoded", len(files)) as advance:
        file.write(bytes(MARGIN))
        for array, size, digest in counting(_in_threads(decode, files, workers), advance):
            file.write(array.tobytes())
            sizes.append(array.shape[1:])
            read.append((size, digest))
        file.write(bytes(MARGIN))
    np.save(folder / SIZES, np.array(sizes, np.int64))
    np.save(folder / FILES, np.array(read, [("bytes", np.int64), ("sha256", "S64")]))
    return {"channels": 1 if canvas.grey else 3}


def _decode(grey: bool, image_size: tuple[int, int] | None, file: Path) -> tuple[NDArray[np.uint8], int, str]:
    """Return a picture, and the size and the digest of its file."""
    with opened_picture(file) as picture:
        array = to_array(picture, grey, image_size)
    content = file.read_bytes()
    return array, len(content), hashlib.sha256(content).hexdigest()


def _in_threads(make: Callable[[_Item], _Made], items: Iterable[_Item], workers: int) -> Iterator[_Made]:
    """Yield what a function makes of items, in order; some threads are a few items ahead."""
    waiting: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(make, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _black(shape: tuple[int, ...], path: Path) -> NDArray[np.uint8]:
    """Return zeros; raise a clear error if they and a copy of them do not fit into the memory that is free."""
    count, _, height, width = shape
    refuse_if_too_large(
        2 * np.prod(shape, dtype=float),
        f"{path}: {count:,} images of {height} x {width} pixels, the largest height and width of all,",
        "Set task.image_size=[HEIGHT,WIDTH] to make them smaller, or GLIMPSE_CACHE to a folder with room for them.",
    )
    return np.zeros(shape, np.uint8)
