"""Pictures made for one episode: a digit somewhere on a larger canvas, alone or among clutter.

The rule follows Mnih et al. (2014), section 4.1: uniform places, clutter of 8 x 8 pieces cut from other
digits; pieces and digit are added and clamped at white. Everything is drawn from the episode's key.
"""

from functools import lru_cache

import torch
from torch import Tensor

from glimpse.envs.lane_random import integers, mix
from glimpse.envs.options import CanvasOptions

_PLACE, _PIECE_SOURCE, _PIECE_CUT, _PIECE_PLACE, _SECOND_PLACE = 1, 2, 3, 4, 5


def check_canvas(options: CanvasOptions, source: Tensor) -> None:
    """Check that images (N, C, h, w), and clutter cut from them, fit the canvas.

    Raises:
        ValueError: if they do not.
    """
    count, (height, width) = len(source), source.shape[2:]
    if max(height, width) > options.size:
        raise ValueError(f"canvas.size {options.size} is smaller than the images ({height} x {width} pixels)")
    if options.kind == "cluttered" and options.piece > min(height, width):
        raise ValueError(f"canvas.piece {options.piece} is larger than the images ({height} x {width} pixels)")
    if options.kind == "cluttered" and count < 2:
        raise ValueError("clutter is cut from other examples: the split needs at least two")


def make_canvas(options: CanvasOptions, examples: Tensor, index: Tensor, key: Tensor, source: Tensor) -> Tensor:
    """Make each episode's canvas.

    Args:
        options: which rule.
        examples: (B, C, h, w) uint8, the pictures to be recognised.
        index: (B,) int64, which image of `source` each example is (clutter comes from the others).
        key: (B,) int64, the episodes' keys.
        source: (N, C, h, w) uint8, the split's images, from which clutter is cut.

    Returns:
        (B, C, S, S) uint8.

    Raises:
        ValueError: if examples or pieces do not fit.
    """
    check_canvas(options, source)
    batch, channels, height, width = examples.shape
    canvas = torch.zeros(batch, channels, options.size, options.size, dtype=torch.uint8, device=examples.device)
    if options.kind == "cluttered":
        _scatter_pieces(options, canvas, index, key, source)
    lane = torch.arange(batch, device=key.device)
    corner = _corners(mix(key, _PLACE), options.size - height, options.size - width)
    _put(_windows(canvas, height, width), _start(lane, corner, canvas), examples, options.blend)
    return canvas


def make_pair(size: int, left: Tensor, right: Tensor, key: Tensor) -> Tensor:
    """Put two pictures on each episode's canvas, `left` wholly to the left of `right`: uniform among such places.

    Args:
        size: side S of the canvas; see `check_pair`.
        left: (B, C, h, w) uint8.
        right: (B, C, h, w) uint8.
        key: (B,) int64, the episodes' keys.

    Returns:
        (B, C, S, S) uint8.
    """
    batch, channels, height, width = left.shape
    canvas = torch.zeros(batch, channels, size, size, dtype=torch.uint8, device=left.device)
    # Without its width between them, the pair of columns is any two of those that are left, in their order.
    across = integers(mix(key, _PLACE), 2, size - 2 * width + 1).sort(-1).values
    down = integers(mix(key, _SECOND_PLACE), 2, size - height + 1)
    lane, windows = torch.arange(batch, device=key.device), _windows(canvas, height, width)
    for number, picture in enumerate((left, right)):
        corner = torch.stack([across[:, number] + number * width, down[:, number]], -1)
        _put(windows, _start(lane, corner, canvas), picture, "add")
    return canvas


def check_pair(size: int, source: Tensor) -> None:
    """Check that two images (N, C, h, w) fit a canvas side by side. Raises ValueError if they do not."""
    height, width = source.shape[2:]
    if max(height, 2 * width) > size:
        raise ValueError(f"size {size} leaves no room for two images of {height} x {width} pixels side by side")


def _scatter_pieces(options: CanvasOptions, canvas: Tensor, index: Tensor, key: Tensor, source: Tensor) -> None:
    """Put each lane's pieces on its canvas: a loop over the few pieces, none over the lanes."""
    piece, count, (height, width) = options.piece, len(source), source.shape[2:]
    lane = torch.arange(len(canvas), device=key.device)[:, None]
    number = torch.arange(options.pieces, device=key.device)
    # An offset in [1, N) from the example itself: never the same one.
    other = (index[:, None] + 1 + integers(mix(key, _PIECE_SOURCE), options.pieces, count - 1)) % count
    cut = _corners(mix(mix(key, _PIECE_CUT)[:, None], number), height - piece, width - piece)
    room = options.size - piece
    place = _corners(mix(mix(key, _PIECE_PLACE)[:, None], number), room, room)
    pieces = _windows(source, piece, piece)[_start(other, cut, source)]  # (B, pieces, C, p, p)
    windows, start = _windows(canvas, piece, piece), _start(lane, place, canvas)
    for each in range(options.pieces):  # One after the other, since they may overlap.
        _put(windows, start[:, each], pieces[:, each], "add")


def _corners(key: Tensor, down: int, right: int) -> Tensor:
    """Uniform places (..., 2) = (x, y) with 0 <= x <= right and 0 <= y <= down, one for each key."""
    return integers(key, 2, _limits(right + 1, down + 1, key.device))


@lru_cache(maxsize=32)
def _limits(x: int, y: int, device: torch.device) -> Tensor:
    """A pair on a device, kept there: sending it anew would make the host wait."""
    return torch.tensor([x, y], device=device)


def _windows(pictures: Tensor, height: int, width: int) -> Tensor:
    """A view (L, C, height, width) of pictures (N, C, H, W): a window for each pixel where one can begin."""
    _, channels, rows, columns = pictures.shape
    last = pictures.numel() - ((channels - 1) * rows + height - 1) * columns - width
    return pictures.as_strided((last + 1, channels, height, width), (1, rows * columns, columns, 1))


def _start(picture: Tensor, corner: Tensor, pictures: Tensor) -> Tensor:
    """Where in `_windows(pictures, ...)` a `picture`'s (...,) window is that begins at `corner` (..., 2)."""
    _, channels, rows, columns = pictures.shape
    return (picture * (channels * rows) + corner[..., 1]) * columns + corner[..., 0]


def _put(windows: Tensor, start: Tensor, picture: Tensor, blend: str) -> None:
    """Add `picture` (B, C, h, w) to the windows at `start` (B,), clamped; or lay its ink on top (`under`)."""
    below = windows[start]
    if blend == "under":
        windows[start] = torch.where(picture > 0, picture, below)
    else:
        windows[start] = below + torch.minimum(picture, ~below)  # ~below is 255 - below.
