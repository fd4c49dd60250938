"""Pictures made for one episode: a digit somewhere on a larger canvas, alone or among clutter.

The rule follows Mnih et al. (2014), section 4.1: uniform places, clutter of 8 x 8 pieces cut from other digits;
pieces and digit are added and clamped at white. Everything is drawn from the episode's key.
"""

import torch
from torch import Tensor

from glimpse.envs.lane_random import integers, mix
from glimpse.envs.options import CanvasOptions

_PLACE, _PIECE_SOURCE, _PIECE_CUT, _PIECE_PLACE = 1, 2, 3, 4


def _windows(pictures: Tensor, side: tuple[int, int]) -> Tensor:
    """A view (L, C, h, w) of (N, C, H, W) pictures with one window for each pixel where one can begin."""
    _, channels, height, width = pictures.shape
    last = pictures.numel() - ((channels - 1) * height + side[0] - 1) * width - side[1]
    return pictures.as_strided((last + 1, channels, *side), (1, height * width, width, 1))


def _start(picture: Tensor, corner: Tensor, shape: torch.Size) -> Tensor:
    """Index into `_windows` of the window of each `picture` (B,) that begins at `corner` (B, 2) = (x, y)."""
    return (picture * (shape[1] * shape[2]) + corner[:, 1]) * shape[3] + corner[:, 0]


def _corners(key: Tensor, room: tuple[int, int]) -> Tensor:
    """Uniform places (B, 2) = (x, y) with 0 <= x <= room[1] and 0 <= y <= room[0]."""
    below = torch.tensor([room[1] + 1, room[0] + 1], device=key.device)
    return integers(key, 2, below)


def _put(canvas: Tensor, window: Tensor, start: Tensor, picture: Tensor, blend: str) -> None:
    """Add `picture` (B, C, h, w) to the canvas at its windows, clamped; or lay its ink on top (`under`)."""
    below = window[start]
    if blend == "under":
        window[start] = torch.where(picture > 0, picture, below)
    else:
        window[start] = (below.short() + picture).clamp_(max=255).to(torch.uint8)


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
    corner = _corners(mix(key, _PLACE), (options.size - height, options.size - width))
    start = _start(lane, corner, canvas.shape)
    _put(canvas, _windows(canvas, (height, width)), start, examples, options.blend)
    return canvas


def _scatter_pieces(options: CanvasOptions, canvas: Tensor, index: Tensor, key: Tensor, source: Tensor) -> None:
    """Put each lane's pieces on its canvas: a loop over the few pieces, none over the lanes."""
    piece, count, (height, width) = options.piece, len(source), source.shape[2:]
    lane = torch.arange(len(canvas), device=key.device)
    # An offset in [1, N) from the example itself: never the same one.
    others = (index[:, None] + 1 + integers(mix(key, _PIECE_SOURCE), options.pieces, count - 1)) % count
    cuts, places = _windows(source, (piece, piece)), _windows(canvas, (piece, piece))
    for number in range(options.pieces):
        cut = _corners(mix(mix(key, _PIECE_CUT), number), (height - piece, width - piece))
        place = _corners(mix(mix(key, _PIECE_PLACE), number), (options.size - piece, options.size - piece))
        picture = cuts[_start(others[:, number], cut, source.shape)]
        _put(canvas, places, _start(lane, place, canvas.shape), picture, "add")
