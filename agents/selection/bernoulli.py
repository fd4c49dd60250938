"""Tokens that are kept or not, each by a coin of its own: draws, their log-probability, and what they cost.

Axes: B texts, n tokens. A logit says how likely a token is kept; padding is never kept, and counts nowhere.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Sparsity = Literal["product", "mean", "sum"]


def draw(logits: Tensor, mask: Tensor, noise: Tensor, greedy: Tensor | bool = False) -> Tensor:
    """Keep each real token with probability sigmoid(logit).

    Args:
        logits: (B, n).
        mask: (B, n) bool, True = a real token.
        noise: (B, n) standard normal.
        greedy: whether those of probability 1/2 or more are kept instead; a bool, or (B,) bool.

    Returns:
        (B, n) bool.
    """
    likelier = logits >= 0
    drawn = torch.special.ndtr(noise) < logits.float().sigmoid()
    if isinstance(greedy, Tensor):
        return torch.where(greedy[:, None], likelier, drawn) & mask
    return (likelier if greedy else drawn) & mask


def log_prob(logits: Tensor, kept: Tensor, mask: Tensor) -> Tensor:
    """Sum of z_i log p_i + (1 - z_i) log(1 - p_i) over real tokens: (B, n) three times -> (B,) float32."""
    # log(1 - sigmoid(x)) = log sigmoid(-x).
    each = F.logsigmoid(torch.where(kept, logits, -logits).float())
    return (each * mask).sum(-1)


def entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """Of the tokens' coins together, in nats: (B, n) twice -> (B,) float32."""
    logits = logits.float()
    each = F.softplus(logits) - logits * logits.sigmoid()
    return (each * mask).sum(-1)


def rate(kept: Tensor, mask: Tensor) -> Tensor:
    """Share of real tokens that are kept, 0 of an empty text: (B, n) twice -> (B,) float32."""
    return (kept & mask).sum(-1) / mask.sum(-1).clamp(min=1)


def sparsity(kind: Sparsity, heads: Tensor, dependents: Tensor) -> Tensor:
    """What the shares of heads and of dependents, (B,) both, come to: (B,) in [0, 1], or [0, 2] for a sum.

    product: the share of pairs (the released code of Shen et al., 2018, "ReSAN"); sum: of both choices, as the paper
    has it of one; mean: half of that.
    """
    if kind == "product":
        return heads * dependents
    return (heads + dependents) / (2 if kind == "mean" else 1)


def changes(kept: Tensor, mask: Tensor) -> Tensor:
    """How often a real token and the next differ, sum |z_t - z_{t-1}| (Lei et al., 2016, equation 3): -> (B,) float32.

    Args:
        kept: (B, n) bool, or numbers in [0, 1].
        mask: (B, n) bool; real tokens stand together.
    """
    values = kept.float()
    return ((values[:, 1:] - values[:, :-1]).abs() * (mask[:, 1:] & mask[:, :-1])).sum(-1)
