"""Layers after the encoder: the head that gives class logits or a score.

Axes: B texts, N classes or levels.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "elu", "tanh", "sigmoid"]
_ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


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
