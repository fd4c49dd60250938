"""Noise strokes: images of straight lines, drawn once from a constant seed, alike on every machine."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

STROKES = 1024
"""Number of different strokes of each split."""
_SPLITS = ("train", "validation", "test")
_SEED = 20190507
_THICKNESS = 0.075
"""Half of a stroke's thickness, in sides of the image; a digit of MNIST has about as much."""


@cache
def noise_strokes(height: int, width: int, split: str) -> Tensor:
    """Return the strokes of a split: (1024, height, width) uint8, white on black, with soft edges.

    A stroke has a uniform middle in the inner half of the image, a uniform direction, and a length of 0.5 to 0.9 sides.
    """
    # NumPy promises never to change what RandomState draws.
    random = np.random.RandomState(_SEED + _SPLITS.index(split))
    middle = random.uniform(-0.25, 0.25, (STROKES, 2))
    angle, half = random.uniform(0, np.pi, STROKES), random.uniform(0.25, 0.45, STROKES)
    down, across = np.meshgrid(_centres(height), _centres(width), indexing="ij")
    x, y = (across[None] - middle[:, :1, None], down[None] - middle[:, 1:, None])
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, beside = x * cosine + y * sine, y * cosine - x * sine
    beyond = np.maximum(np.abs(along) - half[:, None, None], 0)
    distance = np.hypot(beyond, beside)
    pixel = 1 / max(height, width)
    shade = np.clip((_THICKNESS - distance) / pixel + 0.5, 0, 1)
    return torch.from_numpy(np.rint(shade * 255).astype(np.uint8))


def _centres(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the centres of pixels along a side from -1/2 to 1/2."""
    return (np.arange(count) + 0.5) / count - 0.5
