"""A hierarchical attention network (Yang et al., 2016) as PyTorch tutorials write it, to compare speeds with.

Both levels pack their sequences for `nn.GRU`, as in sgrvinod/a-PyTorch-Tutorial-to-Text-Classification.

Axes: B documents, S sentences, L words, E width of a word's vector, U units of each direction.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class PlainLevel(nn.Module):
    """Packed bidirectional GRU, and attention by a context vector."""

    def __init__(self, width: int, units: int) -> None:
        """Make the networks for parts (N, L, `width`)."""
        super().__init__()
        self.gru = nn.GRU(width, units, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(2 * units, 2 * units)
        self.question = nn.Linear(2 * units, 1, bias=False)

    def forward(self, parts: Tensor, length: Tensor) -> Tensor:
        """Encode N sequences, of which the first `length` (N,) parts of each are real, to (N, 2 U)."""
        packed, _ = self.gru(pack_padded_sequence(parts, length, batch_first=True, enforce_sorted=False))
        scores = self.question(self.hidden(packed.data).tanh()).squeeze(1)
        weights = packed._replace(data=(scores - scores.max()).exp())
        chosen, states = (pad_packed_sequence(each, batch_first=True)[0] for each in (weights, packed))
        return (states * (chosen / chosen.sum(1, keepdim=True)).unsqueeze(2)).sum(1)


class PlainHan(nn.Module):
    """Word vectors, a level of words and a level of sentences."""

    def __init__(self, words: int, width: int, units: int) -> None:
        """Make the networks for documents of word numbers below `words`."""
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.words, self.sentences = PlainLevel(width, units), PlainLevel(2 * units, units)

    def forward(self, text: Tensor, sentences: Tensor, words: Tensor) -> Tensor:
        """Encode documents (B, S, L) of `sentences` (B,) each, which have `words` (B, S) each, to (B, 2 U)."""
        real = torch.arange(text.shape[1]) < sentences[:, None]
        read = self.words(self.embedding(text[real]), words[real])
        vectors = read.new_zeros(*real.shape, read.shape[1]).index_put((real,), read)
        encoded: Tensor = self.sentences(vectors, sentences)
        return encoded
