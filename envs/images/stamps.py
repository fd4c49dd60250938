"""Stamps: small masks of digits, letters and shapes that are blended into pictures.

Axes: N stamps, S pixels of a pyramid, B windows, I stamps in each, C channels, R x Q samples of a window.
"""

from collections.abc import Sequence
from functools import cache
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from glimpse.envs.images.pyramids import level_starts, levels_for, make_pyramids, read_windows

SIDE = 28
"""Side of a stamp, in pixels of its own."""
LETTERS = "ACEFHJKLMNPRTUVWXY"
"""Letters that look like no digit."""
_FINE = 4
_STROKE = 2.5
_SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "triangle": ((0, -0.8), (0.85, 0.7), (-0.85, 0.7)),
    "square": ((-0.7, -0.7), (0.7, -0.7), (0.7, 0.7), (-0.7, 0.7)),
    "diamond": ((0, -0.9), (0.65, 0), (0, 0.9), (-0.65, 0)),
    "pentagon": tuple((0.85 * sin(2 * pi * n / 5), -0.85 * cos(2 * pi * n / 5)) for n in range(5)),
    "star": tuple(((0.9, 0.4)[n % 2] * sin(pi * n / 5), -(0.9, 0.4)[n % 2] * cos(pi * n / 5)) for n in range(10)),
    "arrow": ((-0.8, -0.25), (0.1, -0.25), (0.1, -0.7), (0.85, 0), (0.1, 0.7), (0.1, 0.25), (-0.8, 0.25)),
    "cross": (
        *((-0.25, -0.8), (0.25, -0.8), (0.25, -0.25), (0.8, -0.25), (0.8, 0.25), (0.25, 0.25)),
        *((0.25, 0.8), (-0.25, 0.8), (-0.25, 0.25), (-0.8, 0.25), (-0.8, -0.25), (-0.25, -0.25)),
    ),
}
"""Outlines of shapes, with (x, y) in [-1, 1]."""


class Placed(NamedTuple):
    """Stamps in the picture of each of B lanes.

    stamp: (B, I) int64, numbers of the stamps.
    corner: (B, I, 2) float, left and top edge, in pixels of the picture.
    side: (B, I) float, in pixels of the picture.
    colour: (B, I, C) float in [0, 1].
    opacity: (B, I) float in [0, 1].
    """

    stamp: Tensor
    corner: Tensor
    side: Tensor
    colour: Tensor
    opacity: Tensor


def make_stamps(masks: Tensor) -> Tensor:
    """Make the pyramids of stamps: masks (N, h, w) uint8, white where a stamp covers, -> (N, S, 1) uint8."""
    if masks.shape[1:] != (SIDE, SIDE):
        masks = F.interpolate(masks[:, None], size=(SIDE, SIDE), mode="bilinear", antialias=True)[:, 0]
    return make_pyramids(masks[:, None], levels_for(SIDE, 1))


@cache
def decoy_masks() -> Tensor:
    """Return the masks of letters and shapes, (N, 28, 28) uint8: outlines about as thick as handwritten digits."""
    return torch.from_numpy(np.stack([*map(_letter, LETTERS), *map(_shape, _SHAPES.values())]))


def _letter(letter: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw a letter, 20 of 28 pixels high as MNIST's digits are."""
    canvas = Image.new("L", (SIDE * _FINE, SIDE * _FINE))
    font = ImageFont.load_default(20 / 0.72 * _FINE)  # Capitals are 0.72 of a font's size high.
    middle = SIDE * _FINE / 2
    ImageDraw.Draw(canvas).text((middle, middle), letter, fill=255, font=font, anchor="mm")
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX))


def _shape(outline: tuple[tuple[float, float], ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw the outline of a shape, 20 of 28 pixels wide and high."""
    canvas = Image.new("L", (SIDE * _FINE, SIDE * _FINE))
    corners = [((14 + 11 * x) * _FINE, (14 + 11 * y) * _FINE) for x, y in outline]
    ImageDraw.Draw(canvas).line([*corners, *corners[:2]], fill=255, width=round(_STROKE * _FINE), joint="curve")
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX))


def blend_stamps(
    seen: Tensor,
    corner: Tensor,
    step: Tensor,
    placed: Placed,
    stamps: Tensor,
    most: tuple[int, int] | None = None,
) -> Tensor:
    """Blend stamps into windows; stamps do not overlap.

    Args:
        seen: (B, C, R, Q) in [0, 1], the windows of the pictures alone.
        corner: (B, 2), left and top edge of each window, in pixels of the picture.
        step: (B, 2), width and height of a sample, in the same unit.
        placed: the stamps of each window's picture.
        stamps: (N, S, 1) uint8, see `make_stamps`.
        most: rows and columns of samples that no stamp exceeds, where they are few: only so many are read of each.

    Returns:
        (B, C, R, Q) in [0, 1].
    """
    if most is not None:
        return _blend_small_stamps(seen, corner, step, placed, stamps, most)
    blend = blend_overlapping_stamps if seen.device.type == "cpu" else blend_all_stamps
    return blend(seen, corner, step, placed, stamps)


def blend_all_stamps(seen: Tensor, corner: Tensor, step: Tensor, placed: Placed, stamps: Tensor) -> Tensor:
    """Blend stamps, as `blend_stamps`, all of which are read for each window."""
    cover = _read_cover(stamps, placed, corner[:, None], step, (seen.shape[2], seen.shape[3]))
    tinted = torch.einsum("birq,bic->bcrq", cover, placed.colour)
    return seen * (1 - cover.sum(1, keepdim=True)).clamp(min=0) + tinted


def blend_overlapping_stamps(seen: Tensor, corner: Tensor, step: Tensor, placed: Placed, stamps: Tensor) -> Tensor:
    """Blend stamps, as `blend_stamps`, of which only those are read that lie in their window.

    They are few where windows are small; to know their number, the host would wait for a GPU.
    """
    windows, channels, rows, columns = seen.shape
    around = (2 * step[:, None] + placed.side[..., None] / 14).unsqueeze(-2)  # Interpolation reaches beyond a stamp.
    edges = torch.stack([corner, corner + step * torch.tensor([columns, rows])], 1)[:, None]  # (B, 1, 2, 2)
    at = torch.stack([placed.corner, placed.corner + placed.side[..., None]], 2)  # (B, I, 2, 2)
    inside = (at[:, :, :1] - around < edges[:, :, 1:]) & (at[:, :, 1:] + around > edges[:, :, :1])
    window, number = inside.flatten(2).all(2).nonzero().unbind(1)
    one = Placed(*(part[window, number].unsqueeze(1) for part in placed))
    cover = _read_cover(stamps, one, corner[window, None], step[window], (rows, columns))  # (n, 1, R, Q)
    given = torch.cat([one.colour, torch.ones_like(one.colour[..., :1])], -1)[:, 0, :, None, None]
    total = seen.new_zeros(windows, channels + 1, rows, columns).index_add_(0, window, given * cover)
    return seen * (1 - total[:, -1:]).clamp(min=0) + total[:, :-1]


def _blend_small_stamps(
    seen: Tensor, corner: Tensor, step: Tensor, placed: Placed, stamps: Tensor, most: tuple[int, int]
) -> Tensor:
    """Blend stamps of few samples, as `blend_stamps`, in a frame around the windows that is cut off at the end."""
    (windows, channels, rows, columns), (high, wide) = seen.shape, (most[0] + 3, most[1] + 3)
    start = ((placed.corner - corner[:, None]) / step[:, None]).floor() - 1  # (B, I, 2) samples
    cover = _read_cover(stamps, placed, corner[:, None] + start * step[:, None], step, (high, wide))
    # Add what each stamp covers to sums of all, at the samples that it lies on.
    limit = _numbers((columns, rows), seen.device)
    left, top = (torch.minimum(start, limit + 0.0).long() + _numbers((wide, high), seen.device)).unbind(-1)
    across = left.clamp(min=0)[..., None] + torch.arange(wide, device=seen.device)
    down = top.clamp(min=0)[..., None] + torch.arange(high, device=seen.device)
    pitch, height = columns + 2 * wide, rows + 2 * high
    number = (down[..., None] * pitch + across[:, :, None]).flatten(1)  # (B, I * high * wide)
    given = torch.cat([placed.colour, torch.ones_like(placed.colour[..., :1])], -1)  # (B, I, C + 1)
    added = (given[..., None, None] * cover[:, :, None]).transpose(1, 2).flatten(2)
    total = seen.new_zeros(windows, channels + 1, height * pitch)
    total.scatter_add_(2, number[:, None].expand(-1, channels + 1, -1), added)
    total = total.view(windows, channels + 1, height, pitch)[:, :, high : high + rows, wide : wide + columns]
    return seen * (1 - total[:, -1:]).clamp(min=0) + total[:, :-1]


def _read_cover(stamps: Tensor, placed: Placed, corner: Tensor, step: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return how much each stamp covers of each sample of a window: (B, I, R, Q) in [0, 1].

    Args:
        stamps: (N, S, 1) uint8.
        placed: the stamps.
        corner: (B, I, 2) or (B, 1, 2), left and top edge of the windows, in pixels of the picture.
        step: (B, 2), width and height of a sample.
        shape: (R, Q).
    """
    count = placed.stamp.shape[1]
    *starts, total = level_starts(SIDE, SIDE, levels_for(SIDE, 1))
    first = placed.stamp.flatten()[:, None] * total + _numbers(starts, stamps.device)
    zoom = (SIDE / placed.side)[..., None]  # Pixels of a stamp for each pixel of the picture.
    at = ((corner - placed.corner) * zoom).flatten(0, 1)
    steps = (step[:, None] * zoom).flatten(0, 1)
    cover = read_windows(stamps.flatten(0, 1), first, torch.full_like(at, SIDE), at, steps, shape)
    return cover.view(len(placed.stamp), count, *shape) * placed.opacity[..., None, None]


def _numbers(values: Sequence[int], device: torch.device) -> Tensor:
    """Return whole numbers on a device, for which the host does not wait."""
    return torch.tensor(values).to(device, non_blocking=True)
