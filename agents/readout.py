"""Description of what an agent reads of a picture that it is shown whole, for drawings only.

Axes: B episodes, K scales, C channels, P patch side, H x W pixels.
"""

from typing import NamedTuple

from torch import Tensor


class Readout(NamedTuple):
    """Part of the input that an agent reads at one step.

    location: (B, 2) in [-1, 1], the mean location of what is read.
    share: (B, H, W) in [0, 1], the weight of each pixel in what is read, relative to the largest.
    patch: (B, K, C, P, P) in [0, 1], what is read, or how it is weighted; the agent's `readout_name` says which.
    boxes: (B, K, 4), left, top, right and bottom of each patch in pixels; (B, 0, 4) if the whole picture is read.
    """

    location: Tensor
    share: Tensor
    patch: Tensor
    boxes: Tensor
