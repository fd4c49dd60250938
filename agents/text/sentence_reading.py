"""Encoders of sentences: a reader of their words in order, and the mean of their words' vectors.

Axes: W words of a sentence, E width of a word's vector, U units of each direction, S = 2 U width of an encoded sentence.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.encoders.pooling import max_pool
from glimpse.agents.encoders.recurrent_encoder import read_unpacked


class SentenceReader(nn.Module):
    """Bidirectional GRU over word vectors, and the largest value of each unit; padding comes last and is not read.

    width: S.
    """

    def __init__(self, embedding: Embedding, units: int) -> None:
        """Make the GRU for words of an embedding, which other networks share."""
        super().__init__()
        self.embedding = embedding
        self.gru = nn.GRU(embedding.weight.shape[1], units, batch_first=True, bidirectional=True)
        self.width = 2 * units

    def forward(self, words: Tensor, dropout: nn.Module) -> Tensor:
        """Encode sentences (..., W) as vectors (..., S), zeros for those without words.

        Args:
            words: int64, padding behind the end.
            dropout: applied to word vectors and to the result.
        """
        flat = words.flatten(0, -2)
        if flat.device.type == "cpu" and flat.numel():  # Elsewhere the host would wait for the longest length.
            flat = flat[:, : max(1, int((flat != PADDING).sum(1).max()))]
        real = flat != PADDING
        states = read_unpacked(self.gru, dropout(self.embedding(flat)), real.sum(1).clamp(min=1))[0]
        encoded: Tensor = dropout(max_pool(states, real)[0])
        return encoded.view(*words.shape[:-1], self.width)


def mean_vectors(embedding: Embedding, words: Tensor) -> Tensor:
    """Return the mean vector of the words of sentences: (..., W) int64 -> (..., E), zeros for those without words.

    The vectors of all words are never side by side in memory, since there may be many sentences.
    """
    weight = torch.where(embedding.learned, embedding.weight, embedding.weight.detach())
    flat = words.flatten(0, -2)
    mean = nn.functional.embedding_bag(flat, weight, mode="mean", padding_idx=PADDING)
    return mean.view(*words.shape[:-1], weight.shape[1])
