"""Features of two encoded texts, by a comparison of their vectors.

Axes: B pairs, D width of an encoded text, R hops of it.
"""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from glimpse.agents.encoders.encoded import Encoded

Comparison = Literal["difference", "absolute", "symmetric"]


class PairFeatures(nn.Module, ABC):
    """Base class of networks from two encoded texts to one vector.

    width: number of features.
    """

    width: int

    @abstractmethod
    def forward(self, first: Encoded, second: Encoded) -> Tensor:
        """Return the features (B, `width`) of B pairs."""


class ComparedPair(PairFeatures):
    """Features of two texts, concatenated with their feature-wise comparison; see `combine_pair`."""

    def __init__(self, kind: Comparison, width: int) -> None:
        """Set the features for texts of `width` D."""
        super().__init__()
        self.kind, self.width = kind, (2 if kind == "symmetric" else 4) * width

    def forward(self, first: Encoded, second: Encoded) -> Tensor:
        """Combine the vectors of two texts: (B, 4 D), or (B, 2 D)."""
        return combine_pair(self.kind, first.vector, second.vector)


class GatedPair(PairFeatures):
    """Gated product F = (M_1 W_1) * (M_2 W_2) of two texts, hop by hop.

    Lin et al. (2017), the head of textual entailment. Each hop has one matrix for the first text and one for the
    second, so that their order matters; there are no biases.
    """

    def __init__(self, width: int, hops: int) -> None:
        """Make W_1 and W_2, each (R, D / R, D / R), for texts (B, `width` = D) of `hops` = R concatenated hops."""
        super().__init__()
        self.width, each = width, width // hops
        self.first, self.second = (nn.Parameter(torch.randn(hops, each, each) * each**-0.5) for _ in range(2))

    def forward(self, first: Encoded, second: Encoded) -> Tensor:
        """Combine the vectors of two texts: (B, D)."""
        return _by_hop(first.vector, self.first) * _by_hop(second.vector, self.second)


def _by_hop(text: Tensor, weight: Tensor) -> Tensor:
    """Multiply each hop of a text (B, R d) by its own matrix, weight (R, d, e): -> (B, R e)."""
    hops: Tensor = text.unflatten(-1, weight.shape[:2]).transpose(0, 1)  # (R, B, d)
    return (hops @ weight).transpose(0, 1).flatten(1)


def combine_pair(kind: Comparison, first: Tensor, second: Tensor) -> Tensor:
    """Combine two texts (B, D) into one vector, (B, 4 D), or (B, 2 D) for `symmetric`.

    difference: u, v, u - v, u * v (Shen et al., 2018, "DiSAN", section 4.2).
    absolute: u, v, |u - v|, u * v (Conneau et al., 2017, section 3.1).
    symmetric: u * v, |u - v| (Tai et al., 2015, equation 15).
    """
    product = first * second
    if kind == "symmetric":
        return torch.cat([product, (first - second).abs()], -1)
    difference = first - second if kind == "difference" else (first - second).abs()
    return torch.cat([first, second, difference, product], -1)
