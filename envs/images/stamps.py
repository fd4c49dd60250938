"""Stamps: small masks of digits, letters and shapes that are blended into pictures.

Axes: N stamps, S pixels of a pyramid, B windows, I stamps in each, C channels, R x Q samples of a window.
"""

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


def blend_stamps(seen: Tensor, corner: Tensor, step: Tensor, placed: Placed, stamps: Tensor) -> Tensor:
    """Blend stamps into windows; stamps do not overlap.

    Args:
        seen: (B, C, R, Q) in [0, 1], the windows of the pictures alone.
        corner: (B, 2), left and top edge of each window, in pixels of the picture.
        step: (B, 2), width and height of a sample, in the same unit.
        placed: the stamps of each window's picture.
        stamps: (N, S, 1) uint8, see `make_stamps`.

    Returns:
        (B, C, R, Q) in [0, 1].
    """
    windows, count = placed.stamp.shape
    rows, columns = seen.shape[2:]
    levels = levels_for(SIDE, 1)
    *starts, total = level_starts(SIDE, SIDE, levels)
    first = placed.stamp.flatten()[:, None] * total + torch.tensor(starts, device=seen.device)
    zoom = SIDE / placed.side  # Pixels of a stamp for each pixel of the picture.
    at = ((corner[:, None] - placed.corner) * zoom[..., None]).flatten(0, 1)
    steps = (step[:, None] * zoom[..., None]).flatten(0, 1)
    sides = torch.full_like(at, SIDE)
    cover = read_windows(stamps.flatten(0, 1), first, sides, at, steps, (rows, columns))
    cover = cover.view(windows, count, rows, columns) * placed.opacity[..., None, None]
    tinted = torch.einsum("birq,bic->bcrq", cover, placed.colour)
    return seen * (1 - cover.sum(1, keepdim=True)).clamp(min=0) + tinted
