"""Pointing at an object: the head that says where it is, and the error of a point.

Axes: B episodes, T steps, D memory width, M boxes.
"""

from typing import cast

import torch
from torch import Tensor, nn


class PointHead(nn.Module):
    """Point (x, y) = tanh(Linear(ReLU(Linear(h))))."""

    def __init__(self, memory_width: int, width: int) -> None:
        """Make the head for memories (..., D), with a hidden layer of `width` units."""
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(memory_width, width), nn.ReLU(), nn.Linear(width, 2), nn.Tanh())

    def forward(self, hidden: Tensor) -> Tensor:
        """Return points (..., 2) in [-1, 1], float32."""
        return cast(Tensor, self.layers(hidden)).float()


def point_errors(point: Tensor, label: Tensor) -> Tensor:
    """Return the distance of points from the centre of the nearest box.

    Args:
        point: (T, B, 2).
        label: (B, 4 M): left, top, right and bottom of each box, in locations.

    Returns:
        (T, B); the gradient is finite everywhere.
    """
    boxes = label.float().view(len(label), -1, 4)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    squared = (point.unsqueeze(-2) - centre).square().sum(-1)
    return torch.sqrt(squared.amin(-1) + 1e-4)
