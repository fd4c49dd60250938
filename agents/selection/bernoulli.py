"""Independent Bernoulli masks over tokens: samples, log-probability, entropy, and what a mask costs.

Axes: B texts, n tokens. A token is kept with probability sigmoid(logit). Padding is never kept, and counts nowhere.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Sparsity = Literal["product", "mean", "sum"]


def sample_mask(logits: Tensor, mask: Tensor, noise: Tensor, greedy: Tensor | bool = False) -> Tensor:
    """Keep each real token with probability sigmoid(logit).

    Args:
        logits: (B, n).
        mask: (B, n) bool, True = a real token.
        noise: (B, n) standard normal.
        greedy: whether to keep exactly the tokens of probability 1/2 or more instead; a bool, or (B,) bool.

    Returns:
        (B, n) bool, True = kept.
    """
    likelier = logits >= 0
    drawn = torch.special.ndtr(noise) < logits.float().sigmoid()
    if isinstance(greedy, Tensor):
        return torch.where(greedy[:, None], likelier, drawn) & mask
    return (likelier if greedy else drawn) & mask


def log_prob(logits: Tensor, kept: Tensor, mask: Tensor) -> Tensor:
    """Compute the log-probability of a mask, the sum of z_i log p_i + (1 - z_i) log(1 - p_i) over real tokens.

    Args:
        logits: (B, n).
        kept: (B, n) bool, the mask z.
        mask: (B, n) bool, True = a real token.

    Returns:
        (B,) float32.
    """
    # log(1 - sigmoid(x)) = log sigmoid(-x).
    each = F.logsigmoid(torch.where(kept, logits, -logits).float())
    return (each * mask).sum(-1)


def entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """Compute the entropy of the masks of each text, in nats.

    Args:
        logits: (B, n).
        mask: (B, n) bool, True = a real token.

    Returns:
        (B,) float32.
    """
    logits = logits.float()
    each = F.softplus(logits) - logits * logits.sigmoid()
    return (each * mask).sum(-1)


def keep_rate(kept: Tensor, mask: Tensor) -> Tensor:
    """Compute the share of real tokens that are kept, 0 for an empty text.

    Args:
        kept: (B, n) bool.
        mask: (B, n) bool, True = a real token.

    Returns:
        (B,) float32 in [0, 1].
    """
    return (kept & mask).sum(-1) / mask.sum(-1).clamp(min=1)


def sparsity(kind: Sparsity, heads: Tensor, dependents: Tensor) -> Tensor:
    """Combine the keep rates of heads and of dependents into one number that can be penalised.

    product: the share of pairs (the released code of Shen et al., 2018, "ReSAN").
    sum: over both masks; the paper writes it for one.
    mean: half of the sum.

    Args:
        kind: how to combine them.
        heads: (B,) in [0, 1].
        dependents: (B,) in [0, 1].

    Returns:
        (B,) in [0, 1], or in [0, 2] for a sum.
    """
    if kind == "product":
        return heads * dependents
    return (heads + dependents) / (2 if kind == "mean" else 1)


def count_transitions(kept: Tensor, mask: Tensor) -> Tensor:
    """Compute how much neighbouring tokens differ, sum |z_t - z_{t-1}| (Lei et al., 2016, equation 3).

    Args:
        kept: (B, n) bool, or numbers in [0, 1].
        mask: (B, n) bool; the real tokens of a text are contiguous.

    Returns:
        (B,) float32.
    """
    values = kept.float()
    return ((values[:, 1:] - values[:, :-1]).abs() * (mask[:, 1:] & mask[:, :-1])).sum(-1)
