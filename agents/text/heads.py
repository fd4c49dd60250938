"""What is made of encoded texts: of two of them one vector, and of that a class or a score.

Axes: B texts, D width of an encoded text, R hops of it, N classes or levels.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["relu", "elu", "tanh", "sigmoid"]
Features = Literal["difference", "absolute", "symmetric"]
_ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def make_pair(kind: Features | Literal["gated"], width: int, hops: int) -> "FeaturePair | GatedPair":
    """What makes one vector, (B, `pair.width`), of two texts (B, `width`) of `hops` vectors each."""
    return GatedPair(width, hops) if kind == "gated" else FeaturePair(kind, width)


class FeaturePair(nn.Module):
    """Two texts side by side, and compared feature by feature; see `combine`."""

    def __init__(self, kind: Features, width: int) -> None:
        """Make it for texts (B, `width`)."""
        super().__init__()
        self.kind, self.width = kind, (2 if kind == "symmetric" else 4) * width

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, D) twice -> (B, 4 D), or (B, 2 D)."""
        return combine(self.kind, first, second)


class GatedPair(nn.Module):
    """F = (M_1 W_1) * (M_2 W_2), hop by hop, of texts of R hops (Lin et al., 2017, the head of textual entailment).

    Each hop has two matrices of its own, so that the first text is told from the second; there are no biases.
    """

    def __init__(self, width: int, hops: int) -> None:
        """Make W_1 and W_2, each (R, D / R, D / R), for texts (B, `width` = D) of `hops` = R hops end to end."""
        super().__init__()
        self.width, each = width, width // hops
        self.first, self.second = (nn.Parameter(torch.randn(hops, each, each) * each**-0.5) for _ in range(2))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, D) twice -> (B, D)."""
        return _by_hop(first, self.first) * _by_hop(second, self.second)


def _by_hop(text: Tensor, weight: Tensor) -> Tensor:
    """A text (B, R d) of R hops, each times its own matrix (R, d, e), as (B, R e)."""
    hops: Tensor = text.unflatten(-1, weight.shape[:2]).transpose(0, 1)  # (R, B, d)
    return (hops @ weight).transpose(0, 1).flatten(1)


def combine(kind: Features, first: Tensor, second: Tensor) -> Tensor:
    """Two texts (B, D) as one vector, (B, 4 D), or (B, 2 D) for `symmetric`.

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
    """y = g act(W x + b) + (1 - g) x with the gate g = sigmoid(W_g x + b_g) (Srivastava et al., 2015, equation 3)."""

    def __init__(self, width: int, activation: Activation, dropout: float) -> None:
        """Make it for vectors (B, `width`); dropout falls on what both maps see."""
        super().__init__()
        self.map, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        self.activation, self.dropout = _ACTIVATIONS[activation](), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) -> (B, width)."""
        seen = self.dropout(x)
        mixed: Tensor = torch.lerp(x, self.activation(self.map(seen)), self.gate(seen).sigmoid())
        return mixed


class Head(nn.Module):
    """Logits = Linear(x), or with one hidden layer before, and dropout before each."""

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
        """Make it for vectors (B, `width`).

        Args:
            width: of what is read.
            hidden: units of the hidden layer; 0 leaves it out.
            classes: N.
            activation: of the hidden layer.
            dropout: share of what each layer reads that is left out.
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
        """(B, width) -> (B, N), float32."""
        logits: Tensor = self.layers(vector)
        return logits.float()


def expected_score(logits: Tensor, lowest: float) -> Tensor:
    """The mean of levels `lowest`, `lowest` + 1 and so on under the softmax (Tai et al., 2015, equation 15).

    Args:
        logits: (..., N), of N levels.
        lowest: the first level.

    Returns:
        (...,) in [lowest, lowest + N - 1].
    """
    level = lowest + torch.arange(logits.shape[-1], device=logits.device, dtype=torch.float32)
    return logits.float().softmax(-1) @ level


def level_divergence(logits: Tensor, score: Tensor, lowest: float) -> Tensor:
    """Divergence KL(target || softmax), (B,); the target is on the two levels beside the score.

    Tai et al. (2015), equations 16 and 17.

    Args:
        logits: (B, N), of N levels.
        score: (B,) in [lowest, lowest + N - 1].
        lowest: the first level.
    """
    level = torch.arange(logits.shape[-1], device=logits.device)
    target = (1 - (score.unsqueeze(-1) - lowest - level).abs()).clamp(min=0)
    return functional.kl_div(logits.float().log_softmax(-1), target, reduction="none").sum(-1)
