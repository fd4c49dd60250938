"""Poolings, which turn the vectors of a text's tokens into one vector.

Axes: B texts, L tokens, D width, R hops.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.options import HopsOptions, MechanismOptions
from glimpse.agents.attention.structured import penalty
from glimpse.agents.encoders.encoded import Encoded
from glimpse.agents.encoders.options import MaxOptions, PoolingOptions, ScorePoolingOptions, StateQueryOptions


def max_pool(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the largest value of each feature over real tokens; zeros for an empty text.

    Args:
        tokens: (B, L, D).
        mask: (B, L) bool, True for real tokens.

    Returns:
        (B, D), and the share of features (B, L) whose maximum is at each token.
    """
    if not tokens.shape[1]:
        return tokens.sum(1), tokens.sum(-1)
    lowest = tokens.masked_fill(~mask.unsqueeze(-1), -torch.inf)
    largest, holder = lowest.max(1)
    share = torch.zeros_like(tokens[..., 0]).scatter_add_(1, holder, torch.ones_like(largest)) / tokens.shape[-1]
    real = mask.any(1, keepdim=True)
    return torch.where(real, largest, 0.0), torch.where(real, share, 0.0)


def mean_pool(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean over real tokens, zeros for an empty text: (B, L, D), (B, L) -> (B, D), and weights (B, L)."""
    weights = (mask / mask.sum(1, keepdim=True).clamp(min=1)).to(tokens.dtype)
    return (weights.unsqueeze(1) @ tokens).squeeze(1), weights


class Pooling(nn.Module):
    """Pooling from tokens (B, L, D) and their mask (B, L) to `Encoded`, of width D, or R D for hops.

    Its weights are called `tokens` (B, L), the mean over features where each has its own; or `hops` (B, R, L).
    """

    def __init__(self, options: PoolingOptions | StateQueryOptions, width: int) -> None:
        """Make the networks for tokens of `width` D."""
        super().__init__()
        self.options, self.width = options, width
        self.attention: nn.Module | None = None
        self.question: nn.Parameter | None = None
        if isinstance(options, ScorePoolingOptions):
            self.attention = make_attention(options.score, width)
            self.question = nn.Parameter(torch.randn(width) * width**-0.5) if options.query == "learned" else None
        elif isinstance(options, MechanismOptions):
            self.attention = make_attention(options, width)
            self.width = width * (options.hops if isinstance(options, HopsOptions) else 1)

    def forward(self, tokens: Tensor, mask: Tensor, last: Tensor | None = None) -> Encoded:
        """Pool tokens (B, L, D) over real ones (B, L); last states (B, D) may be the query."""
        if self.attention is None:
            pool = max_pool if isinstance(self.options, MaxOptions) else mean_pool
            vector, weights = pool(tokens, mask)
            return Encoded(vector, {"tokens": weights})
        query = last if self.question is None else self.question.expand(tokens.shape[0], -1)
        query = None if query is None else query.unsqueeze(1)
        context, weights = self.attention(query, tokens, tokens, mask.unsqueeze(1))
        if isinstance(self.options, HopsOptions):
            lost = self.options.penalty * penalty(weights, self.options.penalty_reduction)
            return Encoded(context.flatten(1), {"hops": weights}, lost if self.options.penalty else None)
        weights = weights.squeeze(1)
        return Encoded(context.squeeze(1), {"tokens": weights if weights.dim() == 2 else weights.mean(-1)})
