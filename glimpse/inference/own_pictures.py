"""Pictures of the user's own, in all forms in which they may be given, as a run's environment takes them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.images.picture_files import check_size, opened_picture, to_array
from glimpse.errors import UserError

Bytes = NDArray[np.uint8]


def read_picture(given: Any, shape: tuple[int, int, int], stretched: bool) -> Bytes:
    """Return a picture in the shape of a run's pictures.

    Args:
        given: a path, a Pillow image, an array (H, W) or (H, W, C), or a tensor (H, W) or (C, H, W); numbers are uint8
            from 0 to 255, or floats from 0 to 1.
        shape: (C, H, W) of the run's pictures; H and W are 0 where each keeps its own size.
        stretched: whether the run's pictures were stretched to that size; otherwise the picture keeps its proportions:
            it is resized until it fits, and centred on black.

    Returns:
        (C, H, W) uint8.

    Raises:
        UserError: if it is none of these, or cannot be read.
    """
    try:
        if isinstance(given, str | Path):
            with opened_picture(Path(given).expanduser()) as picture:
                return _fitted(picture, shape, stretched)
        picture = given if isinstance(given, Image.Image) else _from_numbers(given)
        check_size(picture)
        return _fitted(picture, shape, stretched)
    except DataError as problem:
        raise UserError(str(problem)) from None


def is_square(given: Any, side: int) -> bool:
    """Return whether a picture, in any form that `read_picture` reads, is a square of this side, in pixels."""
    if isinstance(given, str | Path):
        try:
            with opened_picture(Path(given).expanduser()) as picture:
                return picture.size == (side, side)
        except DataError:  # `read_picture` says what is wrong with it.
            return False
    if isinstance(given, Image.Image):
        return given.size == (side, side)
    shape = tuple(getattr(given, "shape", ()))
    return (side, side) in (shape[:2], shape[-2:])


def _from_numbers(given: Any) -> Image.Image:
    """Return an array or tensor as a Pillow image."""
    is_tensor = isinstance(given, torch.Tensor)
    array = given.detach().cpu().numpy() if is_tensor else given
    if not isinstance(array, np.ndarray):
        raise UserError(
            f"expected a path, a Pillow image, a NumPy array or a tensor as the picture, got {type(given).__name__}"
        )
    if is_tensor and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    layout = "(H, W) or (C, H, W)" if is_tensor else "(H, W) or (H, W, C)"
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise UserError(f"expected a picture {layout} with 1, 3 or 4 channels, got the shape {tuple(given.shape)}")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise UserError(
                f"expected floats in [0, 1] in a picture, got {array.min():.4g} to {array.max():.4g}; divide by 255"
            )
        array = np.rint(array * 255).astype(np.uint8)
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise UserError(f"expected uint8 numbers in a picture, got {array.dtype}")
    return Image.fromarray(np.ascontiguousarray(array.astype(np.uint8)))


def _fitted(picture: Image.Image, shape: tuple[int, int, int], stretched: bool) -> Bytes:
    """Convert a Pillow image to the shape."""
    channels, height, width = shape
    if stretched:
        return to_array(picture, channels == 1, (height, width))
    array = to_array(picture, channels == 1, None)
    if array.shape != shape and (height, width) != (0, 0):
        scale = min(height / array.shape[1], width / array.shape[2])
        size = max(1, round(array.shape[1] * scale)), max(1, round(array.shape[2] * scale))
        array = to_array(Image.fromarray(array.transpose(1, 2, 0).squeeze()), channels == 1, size)
        top, left = (height - size[0]) // 2, (width - size[1]) // 2
        whole = np.zeros(shape, np.uint8)
        whole[:, top : top + size[0], left : left + size[1]] = array
        array = whole
    return array
