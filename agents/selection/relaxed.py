"""Choices through which a gradient flows: hard ones with a soft gradient, and variables that are often just 0 or 1.

Axes: B texts, n tokens. Noise is uniform in [0, 1).
"""

from typing import NamedTuple

import torch
from torch import Tensor

_TINY = 1e-6
_LOW, _HIGH = -0.1, 1.1
"""Where a Kumaraswamy variable is stretched to, before it is cut to [0, 1]."""


def straight_through(logits: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """Exactly 0 or 1, 1 with probability sigmoid(logit), and the gradient of a soft choice.

    The soft choice is sigmoid((logit + noise) / temperature), with logistic noise: Jang et al. (2017), section 2.2, for
    two classes, since the difference of two Gumbel variables is logistic.

    Args:
        logits: (B, n).
        noise: (B, n).
        temperature: of the soft choice.
    """
    noise = noise.clamp(_TINY, 1 - _TINY)
    soft = ((logits + noise.logit()) / temperature).sigmoid()
    hard = (soft >= 0.5).to(soft.dtype)
    return hard + (soft - soft.detach())  # In this order it is exactly 0 or 1.


class HardKuma(NamedTuple):
    """Kumaraswamy(a, b) on (-0.1, 1.1), cut to [0, 1]: it has mass at 0 and at 1 (Bastings et al., 2019, section 3.2).

    a, b: (B, n), positive.
    """

    a: Tensor
    b: Tensor

    def below(self, stretched: float) -> Tensor:
        """Probability of less than a point of (-0.1, 1.1): 1 - (1 - k^a)^b with k the point before it was stretched."""
        k = (stretched - _LOW) / (_HIGH - _LOW)
        return 1 - (1 - k**self.a).clamp(_TINY, 1) ** self.b

    @property
    def zero(self) -> Tensor:
        """Probability of exactly 0."""
        return self.below(0.0)

    @property
    def one(self) -> Tensor:
        """Probability of exactly 1."""
        return 1 - self.below(1.0)

    def sample(self, noise: Tensor) -> Tensor:
        """By inversion, with the gradient of a and b: (B, n) in [0, 1]."""
        noise = noise.clamp(_TINY, 1 - _TINY)
        k = (1 - (1 - noise) ** (1 / self.b)) ** (1 / self.a)
        return (_LOW + (_HIGH - _LOW) * k).clamp(0, 1)

    def likeliest(self) -> Tensor:
        """0 or 1 where that is the likeliest of 0, 1 and between; else the middle of the distribution: (B, n)."""
        between = 1 - self.zero - self.one
        middle = self.sample(torch.full_like(self.a, 0.5))
        hard = (self.one > self.zero).to(middle.dtype)
        return torch.where(between > torch.maximum(self.zero, self.one), middle, hard)


def hard_kuma(says: Tensor) -> HardKuma:
    """A Kumaraswamy variable for each word of (B, L, 2): softplus keeps a and b above 0."""
    a, b = (torch.nn.functional.softplus(says.float()) + 1e-2).unbind(-1)
    return HardKuma(a, b)
