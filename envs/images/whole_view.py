"""In place of a retina: the whole picture, wherever one looks. The control that sees everything."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.render import Box, boxes
from glimpse.envs.images.retina import Retina
from glimpse.envs.options import RetinaOptions


class WholeView(Retina):
    """Shows pictures (N, C, H, W) as they are, as one scale: (B, 1, C, H, W). A place to look at changes nothing."""

    def __init__(self, height: int, width: int) -> None:
        """For pictures of `height` x `width` pixels."""
        self.options = RetinaOptions(scales=1)  # Read for its one scale; nothing is gathered through patches.
        self.height, self.width = height, width

    def shape(self, channels: int) -> tuple[int, ...]:
        """(1, C, H, W)."""
        return (1, channels, self.height, self.width)

    def boxes(self, place: NDArray[Any]) -> list[Box]:
        """The whole picture, whatever the place (2,)."""
        return boxes(None, place, self.height, self.width)

    def prepare(self, images: Tensor) -> Tensor:
        """Nothing is to be prepared: (N, C, H, W) uint8 as it is."""
        return images

    def restore(self, prepared: Tensor) -> Tensor:
        """The images (N, C, H, W) uint8 that `prepare` was given."""
        return prepared

    def look(self, prepared: Tensor, index: Tensor, location: Tensor) -> Tensor:
        """The pictures `index`, (B,) int64 in [0, N), whole: (B, 1, C, H, W) float32 in [0, 1]."""
        return torch.index_select(prepared, 0, index).unsqueeze(1).float().div_(255)
