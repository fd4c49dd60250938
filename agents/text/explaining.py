"""Protocol of agents whose answers can be explained by words: a salience for each, and answers from some words alone.

Axes: B texts, L words (or S sentences of L words), N classes.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.ordering import true_first

Words = dict[str, Tensor]
"""One number for each word, (B, L) or (B, S, L) for each text, by the observation's names."""


@runtime_checkable
class Explaining(Protocol):
    """An agent that scores the words it reads, and that can answer from a part of them."""

    def salience(self, observation: Words) -> Words | None:
        """Compute how much each word counts, 0 at padding; None where the agent weighs no words.

        Only the order of the numbers has a meaning.
        """

    def read_only(self, observation: Words, kept: Words) -> Tensor:
        """Compute logits (B, N) from the kept words, bool, and no others."""


def remove_words(text: Tensor, kept: Tensor) -> Tensor:
    """Remove the words that are not kept, and move the others together.

    Args:
        text: (B, L) or (B, S, L), word numbers.
        kept: of the same shape, bool.

    Returns:
        Texts of the same shape, padded at the end. In documents, empty sentences come last.
    """
    kept = kept & (text != PADDING)
    order = true_first(kept)
    left = torch.where(kept, text, PADDING).gather(-1, order)
    if left.dim() == 2:
        return left
    filled = true_first((left != PADDING).any(-1))  # (B, S)
    return torch.take_along_dim(left, filled.unsqueeze(-1), 1)
