"""Word vectors: some given, some learned.

Axes: V words of the vocabulary, E width. Word 0 is padding.
"""

import torch
from torch import Tensor, nn

PADDING = 0


class Embedding(nn.Module):
    """A vector for each word: given ones, which stay as they are or are trained on, and learned ones for all others."""

    learned: Tensor

    def __init__(self, words: int, width: int) -> None:
        """Make vectors (V, E) that are all learned, from a normal distribution with deviation 0.1."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(words, width) * 0.1)
        self.register_buffer("learned", torch.ones(words, 1, dtype=torch.bool))

    @torch.no_grad()
    def take(self, vectors: Tensor, given: Tensor, frozen: bool) -> None:
        """Begin with the given vectors.

        Args:
            vectors: (V, E).
            given: (V,) bool, the words that have one; the others' rows are not read.
            frozen: whether given vectors are never trained.
        """
        self.weight.copy_(torch.where(given.unsqueeze(-1), vectors, self.weight))
        if frozen:
            self.learned.copy_(~given.unsqueeze(-1))

    def forward(self, words: Tensor) -> Tensor:
        """(..., ) int64 -> (..., E); padding gives zeros."""
        vector = nn.functional.embedding(words, self.weight)
        # A frozen row is a constant: its gradient is cut off, not thrown away after it was computed.
        vector = torch.where(self.learned[words], vector, vector.detach())
        return vector.masked_fill((words == PADDING).unsqueeze(-1), 0.0)
