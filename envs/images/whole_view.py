"""Replacement of the retina that shows the whole picture at every location, as a control."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.render import Box, boxes
from glimpse.envs.images.retina import Retina


class WholeView(Retina):
    """Retina that shows whole pictures (N, C, H, W) as one scale, (B, 1, C, H, W), whatever the location."""

    shows_all = True

    def __init__(self, height: int, width: int) -> None:
        """Make a view of pictures of `height` x `width` pixels."""
        self.options = RetinaOptions(scales=1)  # Only its number of scales is read.
        self.height, self.width = height, width

    def shape(self, channels: int) -> tuple[int, ...]:
        """Return the shape (1, C, H, W) of a glimpse of pictures of C channels."""
        return (1, channels, self.height, self.width)

    def boxes(self, location: NDArray[Any]) -> list[Box]:
        """Return the box of the whole picture, whatever the location (2,)."""
        return boxes(None, location, self.height, self.width)

    def prepare(self, images: Tensor) -> Tensor:
        """Return the images (N, C, H, W) uint8 unchanged."""
        return images

    def restore(self, prepared: Tensor) -> Tensor:
        """Return the images (N, C, H, W) uint8 unchanged."""
        return prepared

    def look(self, prepared: Tensor, index: Tensor, location: Tensor) -> Tensor:
        """Return the whole pictures `index`, (B,) int64 in [0, N): (B, 1, C, H, W) float32 in [0, 1]."""
        return torch.index_select(prepared, 0, index).unsqueeze(1).float().div_(255)
