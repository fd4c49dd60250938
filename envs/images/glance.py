"""Glance: the whole picture, reduced to a small square.

Axes: B pictures, C channels, H x W pixels, G side of the glance.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_MOST_NUMBERS = 1 << 24
"""Numbers that are converted from bytes to floats at once: 64 MiB."""


def fitted_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Return the (height, width) of a picture whose longer side becomes `side` pixels; at least 1."""
    longer = max(height, width, 1)
    return max(1, round(side * height / longer)), max(1, round(side * width / longer))


def take_glance(pictures: Tensor, side: int) -> Tensor:
    """Reduce pictures by area averaging until their longer side is `side` pixels, and centre them on black squares.

    A picture that is smaller is enlarged, by repeating its pixels.

    Args:
        pictures: (B, C, H, W) uint8.
        side: G.

    Returns:
        (B, C, G, G) float32 in [0, 1].
    """
    height, width = fitted_size(pictures.shape[2], pictures.shape[3], side)
    at_once = max(1, _MOST_NUMBERS // max(1, pictures[:1].numel()))
    # A graph has no lists of parts.
    some = [pictures] if torch.compiler.is_exporting() else pictures.split(at_once)
    parts = [F.adaptive_avg_pool2d(part.float() / 255, (height, width)) for part in some]
    top, left = (side - height) // 2, (side - width) // 2
    return F.pad(torch.cat(parts), (left, side - width - left, top, side - height - top))
