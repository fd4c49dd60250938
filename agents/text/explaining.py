"""What an agent that reads can be asked of its reasons: how much each word counts, and what some words alone say.

Axes: B texts, L words (or S sentences of L words), N classes.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING

Words = dict[str, Tensor]
"""Something of each word, (B, L) or (B, S, L) for each text, by the observation's names."""


@runtime_checkable
class Explaining(Protocol):
    """An agent whose reasons can be compared with people's, and taken away from it."""

    def salience(self, observation: Words) -> Words | None:
        """How much each word counts, 0 at padding; only their order has a meaning. None where nothing is weighed."""

    def read_only(self, observation: Words, kept: Words) -> Tensor:
        """Logits (B, N) from the words that are kept, bool, and no others."""


def taken_out(text: Tensor, kept: Tensor) -> Tensor:
    """Texts without the words that are not kept: the others move together, as if these had never been there.

    Args:
        text: (B, L) or (B, S, L), numbers of words.
        kept: the same, bool.

    Returns:
        The same shape, padded behind; of documents, sentences of which nothing is left come last.
    """
    kept = kept & (text != PADDING)
    order = kept.byte().sort(dim=-1, descending=True, stable=True).indices
    left = torch.where(kept, text, PADDING).gather(-1, order)
    if left.dim() == 2:
        return left
    filled = (left != PADDING).any(-1).byte().sort(dim=-1, descending=True, stable=True).indices  # (B, S)
    return torch.take_along_dim(left, filled.unsqueeze(-1), 1)
