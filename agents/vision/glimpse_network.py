"""Glimpse network of recurrent attention: encodes what is seen, and where.

Axes: K scales, C channels, P patch side, G feature width.
"""

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from glimpse.agents.options import NetworkOptions
from glimpse.agents.recall import ReluSum, relu_gradient, sum_gradients


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
        seen = glimpse.flatten(-4)
        if recorded is not None and not (seen.requires_grad or location.requires_grad):
            weights = [each for layer in (self.what, self.where, self.both) for each in layer.parameters()]
            feature = cast(Tensor, _RecallGlimpses.apply(*recorded, seen, location, *weights))
            return GlimpseActivations(recorded.what, recorded.where, feature)
        what, where = self.what(seen), self.where(location)
        return GlimpseActivations(what, where, self.both(what, where))


class _RecallGlimpses(torch.autograd.Function):
    """The glimpse network with recorded activations, followed by patches, location, and weight and bias of each layer.

    The layers are those of the patches, of the location, and the two of their sum.
    """

    @staticmethod
    def forward(ctx: Any, what: Tensor, where: Tensor, feature: Tensor, *rest: Tensor) -> Tensor:
        """Return the recorded feature (..., G)."""
        ctx.save_for_backward(what, where, feature, *rest)
        return feature

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients with one product for each weight, and one for each of the two inner layers."""
        what, where, feature, seen, location, *layers = ctx.saved_tensors
        inner = relu_gradient(gradients[0].to(feature.dtype), feature)
        of_layers: list[Tensor] = []
        for hidden, weight, source in ((what, layers[4], seen), (where, layers[6], location)):
            outer = inner @ weight.to(inner.dtype)
            of_layers += sum_gradients(relu_gradient(outer, hidden, outer), source)
        return None, None, None, None, None, *of_layers, *sum_gradients(inner, what, where)
