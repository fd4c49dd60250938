"""Pyramids of pictures: each level is half as wide and high as the one before, by area averaging, in bytes.

Williams (1983), "Pyramidal parametrics" (mip maps). All levels lie one behind the other in memory, so that a pyramid is
one third larger than its picture, and a window of any width is read by index at the cost of its own pixels.

Axes: N pictures, B windows, C channels, L levels, S pixels of all levels, R x Q samples of a window.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class PictureTable(NamedTuple):
    """Where the pyramids of N pictures of any sizes lie in one buffer (S, C).

    first: (N, L) int64, number of the first pixel of each level.
    sides: (N, 2) int64, width and height of each picture, in pixels.
    """

    first: Tensor
    sides: Tensor


def levels_for(longer: float, least: int) -> int:
    """Return the number L of levels by which a side of `longer` pixels can be shown by `least` pixels."""
    return 1 + max(0, math.ceil(math.log2(max(longer, 1) / least)))


def level_sides(height: int, width: int, levels: int) -> list[tuple[int, int]]:
    """Return the (height, width) of each level; odd sides are rounded up."""
    return [(-(-height >> level), -(-width >> level)) for level in range(levels)]


def halve(pictures: Tensor) -> Tensor:
    """Average 2 x 2 pixels, rounded: (N, C, H, W) uint8 -> (N, C, ceil(H / 2), ceil(W / 2)) uint8.

    Cells at the border that are cut off are the mean of the pixels that are there.
    """
    height, width = pictures.shape[2:]
    odd = height % 2 or width % 2
    padded = F.pad(pictures.to(torch.int16), (0, width % 2, 0, height % 2), mode="replicate") if odd else pictures
    rows = padded[..., ::2, :].to(torch.int16) + padded[..., 1::2, :]
    return ((rows[..., ::2] + rows[..., 1::2] + 2) >> 2).to(torch.uint8)


def make_pyramids(pictures: Tensor, levels: int) -> Tensor:
    """Make the pyramids of pictures of one size.

    Args:
        pictures: (N, C, H, W) uint8.
        levels: L.

    Returns:
        (N, S, C) uint8: the levels one behind the other, each row by row.
    """
    found, level = [], pictures
    for number in range(levels):
        found.append(level.flatten(2).transpose(1, 2))
        if number + 1 < levels:
            level = halve(level)
    return torch.cat(found, 1)


def level_starts(height: int, width: int, levels: int) -> list[int]:
    """Return the number of the first pixel of each level, and at last the number S of all."""
    starts = [0]
    for rows, columns in level_sides(height, width, levels):
        starts.append(starts[-1] + rows * columns)
    return starts


def table_of(sizes: Sequence[tuple[int, int]], levels: int) -> PictureTable:
    """Return the table of pyramids of pictures of these (height, width), one behind the other."""
    first, start = [], 0
    for height, width in sizes:
        *starts, count = level_starts(height, width, levels)
        first.append([start + own for own in starts])
        start += count
    sides = [(width, height) for height, width in sizes]
    return PictureTable(
        torch.tensor(first, dtype=torch.int64).view(-1, levels), torch.tensor(sides, dtype=torch.int64).view(-1, 2)
    )


def level_of(step: Tensor, levels: int) -> Tensor:
    """Return the level (B,) int64 whose pixels are nearest to samples that are `step` (B,) pixels apart."""
    return step.log2().round().clamp(0, levels - 1).long()


def read_windows(
    pixels: Tensor, first: Tensor, sides: Tensor, corner: Tensor, step: Tensor, shape: tuple[int, int]
) -> Tensor:
    """Read a window of each picture: the nearest level, and bilinear interpolation in it. Outside there are zeros.

    Args:
        pixels: (S, C) uint8, the pyramids.
        first: (B, L) int64, first pixel of each level of each window's picture.
        sides: (B, 2), width and height of each window's picture, in pixels.
        corner: (B, 2) float, left and top edge of each window, in pixels of the picture.
        step: (B, 2) float, width and height of a sample, in pixels of the picture.
        shape: (R, Q), rows and columns of samples.

    Returns:
        (B, C, R, Q) float32 in [0, 1].
    """
    level = level_of(step.amax(-1), first.shape[1])
    cell = torch.exp2(level.float())[:, None]
    size = torch.ceil(sides / cell)
    column, across = _neighbours(corner[:, :1], step[:, :1], cell, shape[1], size[:, :1])
    row, down = _neighbours(corner[:, 1:], step[:, 1:], cell, shape[0], size[:, 1:])
    # Small indices halve the memory traffic.
    kind = torch.int32 if pixels.shape[0] < 2**31 else torch.int64
    start = first.gather(1, level[:, None]).to(kind)
    line = row.to(kind) * size[:, :1, None].to(kind) + start[:, :, None]  # (B, R, 2)
    number = line[..., None, None] + column.to(kind)[:, None, None]  # (B, R, 2, Q, 2)
    values = pixels.index_select(0, number.flatten()).view(*number.shape, pixels.shape[1]).float()
    left, right = (across[:, None, None, :, side, None] for side in (0, 1))
    rows = values[..., 0, :] * left + values[..., 1, :] * right  # (B, R, 2, Q, C)
    upper, lower = (down[:, :, side, None, None] for side in (0, 1))
    return (rows[:, :, 0] * upper + rows[:, :, 1] * lower).permute(0, 3, 1, 2) / 255


def _neighbours(corner: Tensor, step: Tensor, cell: Tensor, count: int, size: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two pixels of a level next to each sample along one axis, and their weights: (B, count, 2) both.

    Args:
        corner: (B, 1), edge of the window, in pixels of the picture.
        step: (B, 1), side of a sample, in the same unit.
        cell: (B, 1), side of the level's pixels, in the same unit.
        count: number of samples.
        size: (B, 1), number of the level's pixels along the axis.
    """
    sample = torch.arange(count, device=corner.device) + 0.5
    at = (corner + sample * step) / cell - 0.5
    before = at.floor()
    later = at - before
    pixel, weight = torch.stack([before, before + 1], -1), torch.stack([1 - later, later], -1)
    last = size[..., None] - 1
    inside = (pixel >= 0) & (pixel <= last)
    return torch.minimum(pixel.clamp(min=0), last), weight * inside
