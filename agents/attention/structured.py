"""Structured self-attentive pooling to several vectors (Lin et al., 2017)."""

from typing import Literal

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, check_mask
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.agents.attention.options import NormaliserOptions


class Structured(nn.Module):
    """Pooling to r vectors, or hops, without biases (equations 6 and 7).

    A is W_2 tanh(W_1 H^T), normalised over tokens, and M = A H.

    `query` is not used, and n_q is r. A mask of tokens is `real[:, None]`.
    """

    def __init__(
        self, width: int, hidden: int = 350, hops: int = 30, normaliser: NormaliserOptions | str = "softmax"
    ) -> None:
        """Make W_1 (hidden, width) and W_2 (hops, hidden)."""
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, hidden, bias=False), nn.Tanh(), nn.Linear(hidden, hops, bias=False))
        self.hops = hops
        self.normalise = make_normaliser(normaliser)

    def forward(
        self,
        query: Tensor | None,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        *,
        need_weights: bool = True,
    ) -> Attended:
        """Pool the values: context M (B, r, D), and weights A (B, r, n_k), which the penalty needs."""
        check_mask(mask, (key.shape[0], self.hops, key.shape[1]))
        weights = self.normalise(self.score(key).transpose(1, 2), mask)
        return Attended(weights @ value, weights if need_weights else None)


def penalty(weights: Tensor, reduction: Literal["sum", "mean"] = "sum") -> Tensor:
    """Compute the penalty ||A A^T - I||_F^2 (equation 8), averaged over the batch.

    It is 0 where every hop reads one token of its own.

    Args:
        weights: A, (B, r, n).
        reduction: over the r x r entries: the paper's sum, or the mean of the author's code, r^2 times smaller.

    Returns:
        A scalar.
    """
    overlap = weights @ weights.transpose(1, 2) - torch.eye(weights.shape[1], device=weights.device)
    squared = overlap.square().sum((1, 2)).mean()
    return squared if reduction == "sum" else squared / weights.shape[1] ** 2
