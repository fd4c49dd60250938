"""Layers after the encoder: features of a pair of texts, and the head that gives class logits or a score.

Axes: B texts, D width of an encoded text, R hops of it, N classes or levels.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "elu", "tanh", "sigmoid"]
Features = Literal["difference", "absolute", "symmetric"]
_ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def make_pair_features(kind: Features | Literal["gated"], width: int, hops: int) -> "FeaturePair | GatedPair":
    """Make the module that turns two encoded texts into one vector, (B, `pair.width`).

    Args:
        kind: which features.
        width: D of one text.
        hops: vectors that an encoded text consists of.
    """
    return GatedPair(width, hops) if kind == "gated" else FeaturePair(kind, width)


class FeaturePair(nn.Module):
    """Features of two texts, concatenated with their feature-wise comparison; see `combine_pair`."""

    def __init__(self, kind: Features, width: int) -> None:
        """Set the features for texts (B, `width`)."""
        super().__init__()
        self.kind, self.width = kind, (2 if kind == "symmetric" else 4) * width

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Combine two texts: (B, D) twice -> (B, 4 D), or (B, 2 D)."""
        return combine_pair(self.kind, first, second)


class GatedPair(nn.Module):
    """Gated product F = (M_1 W_1) * (M_2 W_2) of two texts, hop by hop.

    Lin et al. (2017), the head of textual entailment. Each hop has one matrix for the first text and one for the
    second, so that their order matters; there are no biases.
    """

    def __init__(self, width: int, hops: int) -> None:
        """Make W_1 and W_2, each (R, D / R, D / R), for texts (B, `width` = D) of `hops` = R concatenated hops."""
        super().__init__()
        self.width, each = width, width // hops
        self.first, self.second = (nn.Parameter(torch.randn(hops, each, each) * each**-0.5) for _ in range(2))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Combine two texts: (B, D) twice -> (B, D)."""
        return _by_hop(first, self.first) * _by_hop(second, self.second)


def _by_hop(text: Tensor, weight: Tensor) -> Tensor:
    """Multiply each hop of a text (B, R d) by its own matrix, weight (R, d, e): -> (B, R e)."""
    hops: Tensor = text.unflatten(-1, weight.shape[:2]).transpose(0, 1)  # (R, B, d)
    return (hops @ weight).transpose(0, 1).flatten(1)


def combine_pair(kind: Features, first: Tensor, second: Tensor) -> Tensor:
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


class Highway(nn.Module):
    """Highway layer y = g act(W x + b) + (1 - g) x, with the gate g = sigmoid(W_g x + b_g).

    Srivastava et al. (2015), equation 3.
    """

    def __init__(self, width: int, activation: Activation, dropout: float) -> None:
        """Make the layers for vectors (B, `width`); dropout applies to the inputs of both."""
        super().__init__()
        self.map, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        self.activation, self.dropout = _ACTIVATIONS[activation](), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output: (B, width) -> (B, width)."""
        dropped = self.dropout(x)
        mixed: Tensor = torch.lerp(x, self.activation(self.map(dropped)), self.gate(dropped).sigmoid())
        return mixed


class Head(nn.Module):
    """Classifier: a linear layer, or two with a hidden layer between, with dropout before each."""

    def __init__(
        self,
        width: int,
        hidden: int,
        classes: int,
        activation: Activation,
        dropout: float,
        norm: bool = False,
        highway: bool = False,
    ) -> None:
        """Make the layers.

        Args:
            width: of the input.
            hidden: units of the hidden layer; 0 leaves it out.
            classes: N.
            activation: of the hidden layer.
            dropout: probability of zeroing each input of a layer.
            norm: whether the hidden layer has a layer norm before its activation (Im and Cho, 2017).
            highway: whether a highway layer follows the hidden one (Shen et al., 2018, "ReSAN").
        """
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if hidden:
            normed = [nn.LayerNorm(hidden)] if norm else []
            layers += [nn.Linear(width, hidden), *normed, _ACTIVATIONS[activation]()]
            layers += [Highway(hidden, activation, dropout)] if highway else []
            layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers, nn.Linear(hidden or width, classes))

    def forward(self, vector: Tensor) -> Tensor:
        """Compute logits: (B, width) -> (B, N), float32."""
        logits: Tensor = self.layers(vector)
        return logits.float()
