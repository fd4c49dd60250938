"""Looks at the windows of largest local variance, a control that needs no learning.

Axes: E pictures, T steps, C channels, H x W pixels, P patch side.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def saliency_looks(pictures: Tensor, patch: int, first: Tensor, steps: int) -> Tensor:
    """Return the locations of windows in the order of their variance.

    A window is not chosen whose middle is at most half a window, along both axes, from an earlier one's.

    Args:
        pictures: (E, C, H, W) uint8.
        patch: P.
        first: (2,) in [-1, 1], the location of the first glimpse, which is an earlier window.
        steps: T.

    Returns:
        (T, E, 2) in [-1, 1]; entry t is the location after step t.
    """
    variance = window_variance(pictures, patch)
    count, height, width = variance.shape
    size = torch.tensor([width, height])
    middle = ((first + 1) / 2 * size).long().minimum(size - 1).expand(count, 2)
    found = []
    for _ in range(steps):
        variance = variance.masked_fill(_near(middle, height, width, patch // 2), -1)
        best = variance.flatten(1).argmax(1)
        middle = torch.stack([best % width, best // width], -1)
        found.append((2 * middle + 1) / size - 1)
    return torch.stack(found)


def window_variance(pictures: Tensor, patch: int) -> Tensor:
    """Return the variance of the P x P pixels around each pixel, with zeros outside: (E, C, H, W) -> (E, H, W)."""
    before, after = patch // 2, (patch - 1) // 2
    padded = F.pad(pictures.float() / 255, (before, after, before, after))
    mean, square = (F.avg_pool2d(part, patch, 1) for part in (padded, padded.square()))
    return (square - mean.square()).sum(1)


def _near(middle: Tensor, height: int, width: int, reach: int) -> Tensor:
    """Return which pixels (E, H, W) are at most `reach` from the middles (E, 2) along both axes."""
    across = (torch.arange(width) - middle[:, :1]).abs() <= reach
    down = (torch.arange(height) - middle[:, 1:]).abs() <= reach
    return down[:, :, None] & across[:, None]
