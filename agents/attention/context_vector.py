"""Pooling of hierarchical attention networks (Yang et al., 2016), for words and for sentences."""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, check_mask
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.agents.attention.options import NormaliserOptions


class ContextVector(nn.Module):
    """Pooling by a learned query u_w, to one vector (equations 5 to 7, and 8 to 10).

    u_t = tanh(W h_t + b), alpha = normalise(u_t . u_w), s = sum_t alpha_t h_t.

    `query` is not used, and n_q is 1. A mask of tokens is `real[:, None]`, (B, 1, n_k). With u_w = 0 it is the mean.
    """

    def __init__(self, width: int, hidden: int | None = None, normaliser: NormaliserOptions | str = "softmax") -> None:
        """Make W, b and u_w; `hidden` is the width by default."""
        super().__init__()
        hidden = width if hidden is None else hidden
        self.hidden = nn.Linear(width, hidden)
        self.question = nn.Parameter(torch.randn(hidden) * hidden**-0.5)
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
        """Pool the values: context (B, 1, D), weights (B, 1, n_k)."""
        check_mask(mask, (key.shape[0], 1, key.shape[1]))
        scores = self.hidden(key).tanh() @ self.question
        weights = self.normalise(scores.unsqueeze(1), mask)
        return Attended(weights @ value, weights if need_weights else None)


def word_colour(sentence_weights: Tensor, word_weights: Tensor) -> Tensor:
    """Compute the colours of words, sqrt(p_s) p_w (section 3.3).

    The square root keeps important words of unimportant sentences visible.

    Args:
        sentence_weights: p_s, (..., L).
        word_weights: p_w, (..., L, T).

    Returns:
        (..., L, T) in [0, 1].
    """
    return sentence_weights.sqrt().unsqueeze(-1) * word_weights
