"""Glimpse network of recurrent attention: encodes what is seen, and where.

Axes: K scales, C channels, P patch side, G feature width.
"""

from typing import NamedTuple

from torch import Tensor, nn

from glimpse.agents.options import NetworkOptions
from glimpse.agents.recall import ReluSum


class GlimpseActivations(NamedTuple):
    """Activations of the glimpse network.

    what: (..., h_g), of the patches.
    where: (..., h_l), of the location.
    feature: (..., G), of both.
    """

    what: Tensor
    where: Tensor
    feature: Tensor


class GlimpseNetwork(nn.Module):
    """Network that encodes the patches of a glimpse and its location as one feature.

    g = ReLU(Linear(h_g) + Linear(h_l)), h_g = ReLU(Linear(patches)), h_l = ReLU(Linear(l)):
    Mnih et al. (2014), section 4, "Glimpse network".
    """

    def __init__(self, pixels: int, options: NetworkOptions, location: int = 2) -> None:
        """Make the network for glimpses of `pixels` = K * C * P * P numbers, at locations of `location` numbers."""
        super().__init__()
        self.what = ReluSum((pixels,), options.glimpse_width)
        self.where = ReluSum((location,), options.location_width)
        self.both = ReluSum((options.glimpse_width, options.location_width), options.feature_width)

    def forward(
        self, glimpse: Tensor, location: Tensor, recorded: GlimpseActivations | None = None
    ) -> GlimpseActivations:
        """Compute the activations.

        Args:
            glimpse: (..., K, C, P, P) in [0, 1].
            location: (..., 2) in [-1, 1].
            recorded: activations of the same inputs and weights, to be used again; see `recall.py`.
        """
        known = recorded or (None, None, None)
        what = self.what(glimpse.flatten(-4), recorded=known[0])
        where = self.where(location, recorded=known[1])
        return GlimpseActivations(what, where, self.both(what, where, recorded=known[2]))
