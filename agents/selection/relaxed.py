"""Differentiable masks over tokens: straight-through Gumbel-sigmoid, and HardKuma variables.

Axes: B texts, n tokens. Noise is uniform in [0, 1).
"""

from typing import NamedTuple

import torch
from torch import Tensor

_TINY = 1e-6
_LOW, _HIGH = -0.1, 1.1
"""Ends of the interval to which a Kumaraswamy variable is stretched before it is clamped to [0, 1]."""


def straight_through(logits: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """Sample a mask of exact zeros and ones, with the gradient of a soft mask.

    A token is 1 with probability sigmoid(logit). The soft mask is sigmoid((logit + noise) / temperature), with logistic
    noise: Jang et al. (2017), section 2.2, for two classes, since the difference of two Gumbel variables is logistic.

    Args:
        logits: (B, n).
        noise: (B, n).
        temperature: of the soft mask.

    Returns:
        (B, n), each 0 or 1.
    """
    noise = noise.clamp(_TINY, 1 - _TINY)
    soft = ((logits + noise.logit()) / temperature).sigmoid()
    hard = (soft >= 0.5).to(soft.dtype)
    return hard + (soft - soft.detach())  # In this order it is exactly 0 or 1.


class HardKuma(NamedTuple):
    """Kumaraswamy(a, b), stretched to (-0.1, 1.1) and clamped to [0, 1] (Bastings et al., 2019, section 3.2).

    It has probability mass at exactly 0 and at exactly 1.

    a, b: (B, n), positive.
    """

    a: Tensor
    b: Tensor

    def below(self, stretched: float) -> Tensor:
        """Compute the probability of less than a point of (-0.1, 1.1).

        It is 1 - (1 - k^a)^b, with k the point before stretching.
        """
        k = (stretched - _LOW) / (_HIGH - _LOW)
        return 1 - (1 - k**self.a).clamp(_TINY, 1.0) ** self.b

    @property
    def zero(self) -> Tensor:
        """Probability of exactly 0, (B, n)."""
        return self.below(0.0)

    @property
    def one(self) -> Tensor:
        """Probability of exactly 1, (B, n)."""
        return 1 - self.below(1.0)

    def sample(self, noise: Tensor) -> Tensor:
        """Sample by inverting the distribution function, with the gradient of a and b: (B, n) in [0, 1]."""
        noise = noise.clamp(_TINY, 1 - _TINY)
        k = (1 - (1 - noise) ** (1 / self.b)) ** (1 / self.a)
        return (_LOW + (_HIGH - _LOW) * k).clamp(0.0, 1.0)

    def likeliest(self) -> Tensor:
        """Return 0 or 1 where that is likelier than a value between, and the median elsewhere: (B, n)."""
        between = 1 - self.zero - self.one
        median = self.sample(torch.full_like(self.a, 0.5))
        hard = (self.one > self.zero).to(median.dtype)
        return torch.where(between > torch.maximum(self.zero, self.one), median, hard)


def hard_kuma(selector_logits: Tensor) -> HardKuma:
    """Make the HardKuma variable of each token from the selector's output (B, n, 2).

    Softplus keeps a and b above 0.
    """
    a, b = (torch.nn.functional.softplus(selector_logits.float()) + 1e-2).unbind(-1)
    return HardKuma(a, b)
