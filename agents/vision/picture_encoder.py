"""Base class of glimpse encoders: from pictures of any size to maps of features.

Axes: n pictures, C channels, H x W pixels, F features, h x w places of a map.
"""

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor, nn


class PictureEncoder(nn.Module, ABC):
    """Network that sees pictures: glimpses, and the glance at the whole.

    An entry of the registry makes one from its options and the shape (C, H, W) of a glimpse's patch.

    width: features F of each place of a map.
    pooled: largest side to which the map of a glimpse is reduced before it is read; 1 is one number over the picture.
    reduction: by what: `mean`; or `max` followed by a layer norm, so that a small thing in a large glimpse is not lost.
    frozen: whether the weights are not trained, so that what was seen in a rollout need not be seen again.
    """

    width: int
    pooled = 2
    reduction: Literal["mean", "max"] = "mean"
    frozen = False

    @abstractmethod
    def forward(self, pictures: Tensor) -> Tensor:
        """Return maps (n, F, h, w) of pictures (n, C, H, W) in [0, 1]; `h` and `w` grow with the picture."""

    def load(self) -> None:
        """Load weights from a file, before training begins; by default there are none."""
