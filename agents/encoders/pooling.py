"""Poolings without parameters: how the vectors of a text's tokens become one.

Axes: B texts, L tokens, D width.
"""

import torch
from torch import Tensor


def max_pool(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The largest value of each feature over real tokens; zeros for an empty text.

    Args:
        tokens: (B, L, D).
        mask: (B, L) bool, True for real tokens.

    Returns:
        (B, D), and the share of features (B, L) whose maximum each token holds.
    """
    lowest = tokens.masked_fill(~mask.unsqueeze(-1), -torch.inf)
    largest, holder = lowest.max(1)
    share = torch.zeros_like(tokens[..., 0]).scatter_add_(1, holder, torch.ones_like(largest)) / tokens.shape[-1]
    real = mask.any(1, keepdim=True)
    return torch.where(real, largest, 0.0), torch.where(real, share, 0.0)


def mean_pool(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mean over real tokens, zeros for an empty text: (B, L, D), (B, L) -> (B, D), and weights (B, L)."""
    weights = mask / mask.sum(1, keepdim=True).clamp(min=1)
    return (weights.to(tokens.dtype).unsqueeze(1) @ tokens).squeeze(1), weights
