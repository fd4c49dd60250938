"""Noise strokes: images of straight lines, drawn once from a constant seed, alike on every machine.

There are two versions of the rule by which they are drawn; see `MegapixelOptions`.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

Pixels = np.ndarray[tuple[int, ...], np.dtype[Any]]
_SPLITS = ("train", "validation", "test")
_SEED = 20190507
_LINES, _PAIRS = 1024, 50
"""Number of different strokes of each split, of version 1 and version 2."""
_LARGEST_ANGLE = 0.4 * np.pi
_THICKNESS = 0.075
"""Half of a stroke's thickness, in sides of the image; a digit of MNIST has about as much."""


@cache
def noise_strokes(height: int, width: int, split: str, version: int) -> Tensor:
    """Return the strokes of a split, (n, height, width) uint8, white on black: 1,024 of version 1, or 50 of version 2.

    Version 1: a line as thick as a digit's, with soft edges, a uniform middle in the inner half of the image, a uniform
    direction, and a length of 0.5 to 0.9 sides.
    Version 2, as Katharopoulos and Fleuret (2019) draw them: two lines, one pixel wide, from a corner to another side.
    One begins in the first corner, and the other is mirrored along each axis with a probability of 1/3. Their angles
    with one axis are uniform, up to 72 degrees; pixels have uniform brightness from 0.8 to 1.
    """
    # NumPy promises never to change what RandomState draws.
    if version == 1:
        return _thick_lines(np.random.RandomState(_SEED + _SPLITS.index(split)), height, width)
    random = np.random.RandomState(_SEED + len(_SPLITS) + _SPLITS.index(split))
    return torch.from_numpy(np.stack([_two_lines(random, height, width) for _ in range(_PAIRS)]))


def _two_lines(random: np.random.RandomState, height: int, width: int) -> Pixels:
    """Draw a stroke of version 2, (height, width) uint8."""
    first, second = _thin_line(random, height, width), _thin_line(random, height, width)
    mirrored = random.uniform(size=2) < 1 / 3
    other = second[:: -1 if mirrored[0] else 1, :: -1 if mirrored[1] else 1]
    shade = np.maximum(first, other) * random.uniform(0.8, 1, (height, width))
    return np.asarray(np.rint(shade * 255), np.uint8)


def _thin_line(random: np.random.RandomState, height: int, width: int) -> Pixels:
    """Draw a line from the first corner to another side, (height, width) of 0 and 1."""
    slope = np.tan(random.uniform(0, _LARGEST_ANGLE))
    across = np.linspace(0, min(width - 0.51, (height - 0.51) / max(slope, 1e-9)), 2 * (height + width))
    line = np.zeros((height, width))
    line[np.rint(across * slope).astype(int), np.rint(across).astype(int)] = 1
    return line


def _thick_lines(random: np.random.RandomState, height: int, width: int) -> Tensor:
    """Draw the strokes of version 1, (1024, height, width) uint8."""
    middle = random.uniform(-0.25, 0.25, (_LINES, 2))
    angle, half = random.uniform(0, np.pi, _LINES), random.uniform(0.25, 0.45, _LINES)
    down, across = np.meshgrid(_centres(height), _centres(width), indexing="ij")
    x, y = (across[None] - middle[:, :1, None], down[None] - middle[:, 1:, None])
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, beside = x * cosine + y * sine, y * cosine - x * sine
    beyond = np.maximum(np.abs(along) - half[:, None, None], 0)
    distance = np.hypot(beyond, beside)
    pixel = 1 / max(height, width)
    shade = np.clip((_THICKNESS - distance) / pixel + 0.5, 0, 1)
    return torch.from_numpy(np.rint(shade * 255).astype(np.uint8))


def _centres(count: int) -> Pixels:
    """Return the centres of pixels along a side from -1/2 to 1/2."""
    return (np.arange(count) + 0.5) / count - 0.5
