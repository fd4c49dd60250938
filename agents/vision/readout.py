"""What an agent reads of pictures that it is shown whole, at one step: for drawings alone.

Axes: B episodes, K scales, C channels, P patch side, H x W pixels.
"""

from typing import NamedTuple

from torch import Tensor


class Sight(NamedTuple):
    """What is read.

    place: (B, 2), where it is read on average, a location.
    share: (B, H, W) in [0, 1], how much of what is read is from each pixel; 1 for the most.
    patch: (B, K, C, P, P) in [0, 1], what is read, or how it is read; in words it is the agent's `shows`.
    boxes: (B, K, 4), left, top, right and bottom of each patch in pixels; (B, 0, 4) where all is read at once.
    """

    place: Tensor
    share: Tensor
    patch: Tensor
    boxes: Tensor
