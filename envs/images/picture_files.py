"""Picture files: what is opened, and how any picture becomes an array of 8-bit grey or RGB values.

A picture is turned as its EXIF orientation says. Where it is transparent it is laid on black, the value outside of
every picture. 16-bit grey is scaled to 8 bits, palettes, CMYK and other colours become RGB, and of several frames the
first is taken. 32-bit numbers are refused, since nothing says what is black and what is white.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from glimpse.envs.errors import DataError

MOST_PIXELS = 100_000_000
"""Largest number of pixels of a picture that is opened."""
_GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION = 0x0112  # the number of the EXIF tag


@contextmanager
def opened_picture(file: Path) -> Iterator[Image.Image]:
    """Open a picture; any error in the block, such as one of decoding, becomes a DataError that names the file.

    Raises:
        DataError: It is no file (a pipe would never end), no readable picture, or larger than `MOST_PIXELS`.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise DataError("is no file (a pipe, a socket, a device or a folder). Remove it.")
        with Image.open(file) as picture:
            check_size(picture)
            yield picture
    except DataError as error:
        raise DataError(f"{file} {error}") from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds on damaged files.
        raise DataError(f"{file} cannot be read as an image ({error}). Replace or remove it.") from error


def check_size(picture: Image.Image) -> None:
    """Refuse a picture with too many pixels, by its header.

    Raises:
        DataError: It has more than `MOST_PIXELS`.
    """
    if picture.width * picture.height > MOST_PIXELS:
        raise DataError(
            f"has {picture.width:,} x {picture.height:,} pixels, more than the {MOST_PIXELS // 10**6} million that "
            "are opened. Make it smaller."
        )


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Return the (height, width) of a picture as its EXIF orientation turns it, from its header."""
    turned = picture.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return (picture.width, picture.height) if turned else (picture.height, picture.width)


def is_grey(picture: Image.Image) -> bool:
    """Return whether a picture is grey, so that one channel is enough; a palette may have any colours.

    Raises:
        DataError: The picture has 32-bit numbers.
    """
    if picture.mode in ("I", "F"):
        raise DataError(
            f"has 32-bit numbers (mode {picture.mode}), and nothing says what is white: convert it to 8 or 16 bits."
        )
    return picture.mode in _GREY_MODES


def to_array(picture: Image.Image, grey: bool, image_size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Convert a picture to an array: upright, on black where it is transparent, in 8 bits.

    Args:
        picture: A Pillow image.
        grey: Whether the array has one channel instead of three.
        image_size: Stretch the picture to this (height, width) in pixels.

    Returns:
        (C, H, W) uint8.

    Raises:
        DataError: The picture has 32-bit numbers.
    """
    is_grey(picture)
    picture = _in_8_bits(ImageOps.exif_transpose(picture))
    picture = _on_black(picture).convert("L" if grey else "RGB")
    if image_size is not None:
        height, width = image_size
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(picture)
    return array[None] if grey else array.transpose(2, 0, 1)


def _in_8_bits(picture: Image.Image) -> Image.Image:
    """Scale a picture of 16-bit grey values to 8 bits: 65535 becomes 255."""
    if not picture.mode.startswith("I;16"):
        return picture
    return Image.fromarray(np.rint(np.asarray(picture).astype(np.float32) / 257).astype(np.uint8))


def _on_black(picture: Image.Image) -> Image.Image:
    """Lay a transparent picture on black, so that the colour of what cannot be seen does not matter."""
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, (0, 0, 0, 255)), picture)
