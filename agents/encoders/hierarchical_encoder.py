"""Hierarchical attention networks, which encode words to sentences and sentences to a document (Yang et al., 2016).

Axes: B documents, S sentences, L words, E width of a word's vector, D width of a sentence's.
"""

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.embedding import PADDING
from glimpse.agents.encoders.encoded import Encoded, Encoder, LookUp, gather_tokens, real_first
from glimpse.agents.encoders.length_groups import length_groups
from glimpse.agents.encoders.options import HierarchicalEncoderOptions, LevelOptions
from glimpse.agents.encoders.pooling import Pooling
from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates


_Group = tuple[Tensor | slice, int]
"""Numbers of some of all sentences, and how many words the widest of them has."""


class ConvolutionalStates(nn.Module):
    """Convolution over three neighbours with ReLU, with a state for each token."""

    def __init__(self, embedding_width: int, width: int) -> None:
        """Make filters from (B, L, E) to (B, L, `width`)."""
        super().__init__()
        self.filters, self.width = nn.Conv1d(embedding_width, width, 3, padding=1), width

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        """Compute states (B, L, `width`), zero at padding; there is no last state."""
        if not mask.shape[1]:
            return tokens.sum(-1, keepdim=True).expand(-1, -1, self.width), None
        tokens, mask, order = real_first(tokens, mask)
        real = mask.unsqueeze(-1)
        states: Tensor = self.filters(torch.where(real, tokens, 0.0).mT).mT.relu()
        states = torch.where(real, states, 0.0)
        return states if order is None else gather_tokens(states, order.argsort(1)), None


class Level(nn.Module):
    """Level of the hierarchy, words or sentences: their states, and a pooling of these."""

    def __init__(self, options: LevelOptions, embedding_width: int) -> None:
        """Make the networks for parts (B, L, E)."""
        super().__init__()
        self.states = (
            ConvolutionalStates(embedding_width, 2 * options.width)
            if options.kind == "cnn"
            else BidirectionalStates(options.kind, embedding_width, options.width)
        )
        self.pooling = Pooling(options.pooling, self.states.width)
        self.width = self.pooling.width

    def forward(self, parts: Tensor, mask: Tensor) -> Encoded:
        """Encode parts (B, L, E), of which (B, L) are real, to (B, D), with weights `tokens` (B, L)."""
        return cast(Encoded, self.pooling(self.states(parts, mask)[0], mask))


class HierarchicalEncoder(Encoder):
    """Hierarchical encoder HN-ATT; HN-AVE or HN-MAX if both levels pool by mean or maximum.

    Its weights are called `words` (B, S, L) and `sentences` (B, S).
    """

    def __init__(self, options: HierarchicalEncoderOptions, embedding_width: int) -> None:
        """Make the levels for documents (B, S, L, E)."""
        super().__init__()
        self.words = Level(options.words, embedding_width)
        self.dropout = nn.Dropout(options.dropout)
        self.sentences = Level(options.sentences, self.words.width)
        self.width = self.sentences.width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode documents (B, S, L, E) of words (B, S, L), True for real ones; sentences without any are left out."""
        _check_documents(tokens.dim() - 1)
        groups, flat = _sentence_groups(mask.flatten(0, 1)), tokens.flatten(0, 1)
        return self._encode(mask, groups, [flat[chosen][:, :width] for chosen, width in groups])

    def read(self, text: Tensor, look_up: LookUp, need_weights: bool = False) -> Encoded:
        """Encode documents of word numbers (B, S, L), whose vectors are looked up where a group has words."""
        _check_documents(text.dim())
        mask, flat = text != PADDING, text.flatten(0, 1)
        groups = _sentence_groups(mask.flatten(0, 1))
        words = [flat[chosen][:, :width] for chosen, width in groups]
        vectors = look_up(torch.cat([some.flatten() for some in words])).split([some.numel() for some in words])
        return self._encode(
            mask, groups, [each.unflatten(0, some.shape) for each, some in zip(vectors, words, strict=True)]
        )

    def _encode(self, mask: Tensor, groups: list[_Group], tokens: list[Tensor]) -> Encoded:
        """Encode documents with real words (B, S, L), given the vectors of words of each group of sentences."""
        real, flat = mask.any(-1), mask.flatten(0, 1)
        read = [
            cast(Encoded, self.words(own, flat[chosen][:, :width]))
            for own, (chosen, width) in zip(tokens, groups, strict=True)
        ]
        weights = [F.pad(one.weights["tokens"], (0, mask.shape[2] - one.weights["tokens"].shape[1])) for one in read]
        vectors, words = (
            _put_together(each, groups, len(flat)).unflatten(0, real.shape)
            for each in ([one.vector for one in read], weights)
        )
        document = self.sentences(self.dropout(vectors), real)
        return Encoded(document.vector, {"words": words, "sentences": document.weights["tokens"]})


def _check_documents(axes: int) -> None:
    """Check that texts (B, S, L) have sentences."""
    if axes != 3:
        raise ValueError("encoder.kind hierarchical reads documents, sentence by sentence: set task.sentences to true")


def _sentence_groups(mask: Tensor) -> list[_Group]:
    """Divide sentences with real words (n, L) into groups of similar width: their numbers, and the width of the widest.

    On a GPU, and in a graph that is exported, all sentences are one group; else those without words are in none.
    """
    if mask.device.type != "cpu" or torch.compiler.is_exporting():
        return [(slice(None), mask.shape[1])]
    width = (mask * torch.arange(1, mask.shape[1] + 1)).amax(1) if mask.numel() else torch.zeros(0, dtype=torch.int64)
    real = width.nonzero()[:, 0]
    if not len(real):
        return [(real, mask.shape[1])]
    return [(real[group], int(width[real[group[0]]])) for group in length_groups(width[real])]


def _put_together(parts: list[Tensor], groups: list[_Group], sentences: int) -> Tensor:
    """Return what groups give for their sentences in the order of all, (B * S, ...), zeros where there is nothing."""
    (first, _), *_ = groups
    if isinstance(first, slice):
        return parts[0]
    numbers = torch.cat([cast(Tensor, chosen) for chosen, _ in groups])
    together = torch.cat(parts)
    return together.new_zeros(sentences, together.shape[1]).index_copy(0, numbers, together)
