"""Reader of IDX, the file format of MNIST: a header of big-endian sizes, then the bytes.

The header is two zero bytes, the element type (8 is an unsigned byte), the number of dimensions, and each
dimension as a 32-bit integer.
"""

import struct
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.errors import DataError

UNSIGNED_BYTE = 8


def parse_idx(content: bytes, dimensions: int, file: str | PathLike[str]) -> NDArray[np.uint8]:
    """Return the array in the uncompressed content of an IDX file, read-only and without a copy.

    Args:
        content: All bytes of the file.
        dimensions: Expected number of dimensions: 3 for images (N, H, W), 1 for labels (N,).
        file: File name for the error.

    Raises:
        DataError: The header is not that of such a file, or its sizes do not fit the number of bytes.
    """
    header = 4 + 4 * dimensions
    expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if content[:4] != expected:
        raise DataError(
            f"{file} is not an IDX file of {dimensions}-dimensional bytes: it begins with "
            f"{content[:4].hex(' ') or 'nothing'}, expected {expected.hex(' ')}."
        )
    if len(content) < header:
        raise DataError(f"{file} is cut off: its header needs {header} bytes, it has {len(content)}.")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    size = len(content) - header
    promised = int(np.prod(shape, dtype=object))
    if size != promised:
        shape_text = " x ".join(f"{length:,}" for length in shape)
        raise DataError(f"{file} is damaged: its header promises {shape_text} = {promised:,} bytes, {size:,} follow.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def parse_pair(
    images: tuple[str | PathLike[str], bytes], labels: tuple[str | PathLike[str], bytes], classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (N, H, W) and their labels (N,) in [0, classes) from two (file, content) pairs.

    Raises:
        DataError: A file is no such IDX file, their counts differ, or a label is out of range.
    """
    image_array = parse_idx(images[1], 3, images[0])
    label_array = parse_idx(labels[1], 1, labels[0])
    if len(image_array) != len(label_array):
        raise DataError(
            f"{images[0]} holds {len(image_array):,} images, but {labels[0]} holds {len(label_array):,} "
            "labels; they do not belong together. Download both again."
        )
    if len(label_array) and label_array.max() >= classes:
        raise DataError(f"{labels[0]} holds the label {label_array.max()}; labels must be below {classes}.")
    return image_array, label_array
