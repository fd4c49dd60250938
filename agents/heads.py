"""What is made of encoded texts: of two of them one vector, and of that a class or a score.

Axes: B texts, D width of an encoded text, N classes or levels.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["relu", "elu", "tanh"]
Pair = Literal["difference", "absolute", "symmetric"]
_ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh}


def combine(kind: Pair, first: Tensor, second: Tensor) -> Tensor:
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


class Head(nn.Module):
    """Logits = Linear(x), or with one hidden layer before, and dropout before each."""

    def __init__(self, width: int, hidden: int, classes: int, activation: Activation, dropout: float) -> None:
        """Make it for vectors (B, `width`); `hidden` 0 leaves the hidden layer out."""
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if hidden:
            layers += [nn.Linear(width, hidden), _ACTIVATIONS[activation](), nn.Dropout(dropout)]
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
    """Divergence KL(target || softmax), averaged; the target is on the two levels beside the score.

    Tai et al. (2015), equations 16 and 17.

    Args:
        logits: (B, N), of N levels.
        score: (B,) in [lowest, lowest + N - 1].
        lowest: the first level.
    """
    level = torch.arange(logits.shape[-1], device=logits.device)
    target = (1 - (score.unsqueeze(-1) - lowest - level).abs()).clamp(min=0)
    return functional.kl_div(logits.float().log_softmax(-1), target, reduction="batchmean")
