"""Word embeddings, pre-trained or learned.

Axes: V words of the vocabulary, E width. Word 0 is padding, and word 1 stands for all unknown ones.
"""

import torch
from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1


class Embedding(nn.Module):
    """Embedding table: pre-trained vectors, frozen or fine-tuned, and learned vectors for all other words."""

    learned: Tensor

    def __init__(self, words: int, width: int) -> None:
        """Make vectors (V, E), all learned, from a normal distribution with standard deviation 0.1."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(words, width) * 0.1)
        self.register_buffer("learned", torch.ones(words, 1, dtype=torch.bool))

    @torch.no_grad()
    def load_vectors(self, vectors: Tensor, given: Tensor, frozen: bool) -> None:
        """Copy pre-trained vectors into the table.

        Args:
            vectors: (V, E).
            given: (V,) bool, True for words that have a pre-trained vector; other rows of `vectors` are ignored.
            frozen: whether pre-trained vectors stay as they are in training.
        """
        self.weight.copy_(torch.where(given.unsqueeze(-1), vectors, self.weight))
        if frozen:
            self.learned.copy_(~given.unsqueeze(-1))

    @property
    def rows(self) -> Tensor:
        """All vectors (V, E), those that are frozen without a gradient."""
        if not torch.is_grad_enabled():
            return self.weight
        return torch.where(self.learned, self.weight, self.weight.detach())

    def forward(self, words: Tensor) -> Tensor:
        """Return the vectors of words: (...,) int64 -> (..., E); padding gives zeros."""
        vector = nn.functional.embedding(words, self.weight)
        if torch.is_grad_enabled():  # Frozen rows are detached, so that their gradient is not even computed.
            vector = torch.where(self.learned[words], vector, vector.detach())
        return vector.masked_fill((words == PADDING).unsqueeze(-1), 0.0)
