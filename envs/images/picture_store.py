"""Store of pictures of different sizes: their pyramids in one buffer, so that each keeps its own height and width.

Axes: N pictures, C channels, S pixels of all pyramids, H x W of a picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.data.file_digests import note_file
from glimpse.envs.data.free_memory import refuse_if_too_large
from glimpse.envs.images.glance import fitted_size, take_glance
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.picture_files import is_grey, opened_picture, to_array, upright_size
from glimpse.envs.images.pyramids import PictureTable, levels_for, make_pyramids, table_of
from glimpse.envs.live_line import counting, progress_of

_LEAST = 4
"""Longer side of the smallest level of the largest picture, in pixels, or half as much."""
_THUMBNAIL = 32
"""Side of the small copies by which pictures are told apart."""

Size = tuple[int, int]


@dataclass(frozen=True)
class PictureStore:
    """Pictures of different sizes. Its tensors are shared by all callers: never change them in place.

    Attributes:
        pixels: (S, C) uint8, the pyramids one behind the other; a third more than the pictures' own pixels.
        table: Where they are, and the pictures' sides.
        thumbnails: (N, C, 32, 32) uint8, each picture reduced and centred on black.
    """

    pixels: Tensor
    table: PictureTable
    thumbnails: Tensor

    @property
    def drawn_size(self) -> Size:
        """Height and width of drawings: of the median shape of the pictures; a square where there are none."""
        if not len(self.table.sides):
            return 1, 1
        width, height = self.table.sides.float().unbind(1)
        ratio = float((width / height).median())
        return (round(1000 / ratio), 1000) if ratio > 1 else (1000, round(1000 * ratio))

    def to(self, device: torch.device) -> "PictureStore":
        """Copy the store to a device."""
        table = PictureTable(*(part.to(device) for part in self.table))
        return PictureStore(self.pixels.to(device), table, self.thumbnails.to(device))


@dataclass(frozen=True)
class StoredImageData(ImageData):
    """One split of an image data set whose pictures keep their own sizes; `images` are their thumbnails."""

    store: PictureStore | None = None


def store_pictures(pictures: Iterable[NDArray[np.uint8]], sizes: Sequence[Size], channels: int) -> PictureStore:
    """Make the pyramids of pictures, one picture at a time.

    Args:
        pictures: (C, H, W) uint8 each.
        sizes: (H, W) of each.
        channels: C.
    """
    levels = levels_for(max((max(size) for size in sizes), default=1), _LEAST)
    table = table_of(sizes, levels)
    starts, count = table.first[:, 0].tolist(), _pixels(sizes, levels)
    pixels = torch.empty(count, channels, dtype=torch.uint8)
    thumbnails = torch.empty(len(sizes), channels, _THUMBNAIL, _THUMBNAIL, dtype=torch.uint8)
    for number, picture in enumerate(pictures):
        one = torch.from_numpy(np.array(picture))[None]  # A copy, since some decoders' arrays cannot be written.
        pyramid = make_pyramids(one, levels)[0]
        pixels[starts[number] : starts[number] + len(pyramid)] = pyramid
        thumbnails[number] = (take_glance(one, _THUMBNAIL)[0] * 255).round().to(torch.uint8)
    return PictureStore(pixels, table, thumbnails)


def _pixels(sizes: Sequence[Size], levels: int) -> int:
    """Return the number of pixels of all pyramids."""
    return sum((-(-height >> level)) * (-(-width >> level)) for height, width in sizes for level in range(levels))


def measure_pictures(files: Sequence[Path]) -> tuple[list[Size], bool]:
    """Return the (height, width) of each picture, and whether all are grey, from their headers."""
    sizes, grey = [], True
    with progress_of("pictures measured", len(files)) as advance:
        for file in counting(files, advance):
            with opened_picture(file) as picture:
                sizes.append(upright_size(picture))
                grey = is_grey(picture) and grey
    return sizes, grey


def read_store(
    path: Path, files: Sequence[Path], sizes: Sequence[Size], channels: int, longest: int | None = None
) -> PictureStore:
    """Decode picture files, each in its own size.

    Args:
        path: The data set, for errors, and for the names by which files are noted.
        files: The files.
        sizes: (height, width) of each, as `measure_pictures` found them.
        channels: 1 for grey pictures, 3 for colours.
        longest: Reduce pictures whose longer side has more pixels to this; by default none.

    Raises:
        DataError: A file cannot be read, or there is too little memory.
    """
    kept = [size if longest is None or max(size) <= longest else fitted_size(*size, longest) for size in sizes]
    refuse_if_too_large(
        4 / 3 * channels * sum(float(height) * width for height, width in kept),
        f"{path}: {len(files):,} pictures of up to {max(map(max, kept), default=0):,} pixels",
        "Make them smaller.",
    )

    def decoded() -> Iterable[NDArray[np.uint8]]:
        with progress_of(f"pictures of {path.name} read", len(files)) as advance:
            for file, size, own in counting(zip(files, kept, sizes, strict=True), advance):
                with opened_picture(file) as picture:
                    array = to_array(picture, channels == 1, None if size == own else size)
                note_file(file, file.read_bytes(), file.relative_to(path).as_posix())
                yield array

    return store_pictures(decoded(), kept, channels)
