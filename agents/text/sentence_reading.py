"""Encoders of sentences: a reader of their words in order, and the mean of their words' vectors.

Axes: W words of a sentence, E width of a word's vector, U units of each direction, S = 2 U.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.options import ScaledDotOptions
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.encoders.pooling import max_pool
from glimpse.agents.encoders.ragged_recurrence import read_texts
from glimpse.agents.text.copied_words import ReadSentence


class SentenceReader(nn.Module):
    """Bidirectional GRU over word vectors; padding comes last and is not read.

    A question is the largest value of each unit. A sentence that is read for a question is this, and the word vectors
    that the question attends to.

    question_width, width: S of a question, and S + E of a sentence that is read for one.
    """

    def __init__(self, embedding: Embedding, units: int) -> None:
        """Make the networks for words of an embedding, which other networks share."""
        super().__init__()
        self.embedding, width = embedding, embedding.weight.shape[1]
        self.gru = nn.GRU(width, units, batch_first=True, bidirectional=True)
        self.asks = nn.Linear(2 * units, 2 * units, bias=False)
        self.attention = make_attention(ScaledDotOptions(), 2 * units)
        self.question_width, self.width = 2 * units, 2 * units + width

    def question(self, words: Tensor, dropout: nn.Module) -> Tensor:
        """Encode questions (B, Q) as vectors (B, S).

        Args:
            words: int64, padding behind the end.
            dropout: applied to word vectors and to the result.
        """
        states, _, real = self._states(words, dropout)
        asked: Tensor = dropout(max_pool(states, real)[0])
        return asked

    def forward(self, words: Tensor, question: Tensor, dropout: nn.Module) -> ReadSentence:
        """Read sentences for a question.

        Args:
            words: (..., W) int64, padding behind the end.
            question: (..., S), encoded.
            dropout: applied to word vectors and to the result.

        Returns:
            Their summaries (..., S + E), and their words.
        """
        states, vectors, real = self._states(words.flatten(0, -2), dropout)
        asked = self.asks(question.flatten(0, -2).unsqueeze(1))
        attended = self.attention(asked, states, vectors, real.unsqueeze(1), need_weights=False)[0].squeeze(1)
        read: Tensor = dropout(torch.cat([max_pool(states, real)[0], attended * real[:, :1]], -1))
        return ReadSentence(read.view(*words.shape[:-1], self.width), states, vectors, real.to(read.dtype))

    def _states(self, words: Tensor, dropout: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        """Return the GRU's states (B, W, S), word vectors (B, W, E), and which words are real (B, W)."""
        words = without_end(words)
        real, vectors = words != PADDING, dropout(self.embedding(words))
        return read_texts(self.gru, vectors, real.sum(1).clamp(min=1)).states, vectors, real


def without_end(words: Tensor) -> Tensor:
    """Return words (..., n) without columns that are padding everywhere, on a CPU: elsewhere the host would wait."""
    if words.device.type != "cpu" or not words.numel():
        return words
    return words[..., : max(1, int((words != PADDING).sum(-1).max()))]


def mean_vectors(embedding: Embedding, words: Tensor) -> Tensor:
    """Return the mean vector of the words of sentences: (..., W) int64 -> (..., E), zeros for those without words.

    The vectors of all words are never side by side in memory, since there may be many sentences.
    """
    flat, rows = words.flatten(0, -2), embedding.rows
    mean = nn.functional.embedding_bag(flat, rows, mode="mean", padding_idx=PADDING)
    return mean.view(*words.shape[:-1], rows.shape[1])
