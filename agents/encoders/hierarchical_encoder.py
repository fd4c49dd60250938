"""Hierarchical attention networks, which encode words to sentences and sentences to a document (Yang et al., 2016).

Axes: B documents, S sentences, L words, E width of a word's vector, D width of a sentence's.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.encoders.encoded import Encoded, Encoder, gather_tokens, real_first
from glimpse.agents.encoders.options import HierarchicalEncoderOptions, LevelOptions
from glimpse.agents.encoders.pooling import Pooling
from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates


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
        if tokens.dim() != 4:
            raise ValueError(
                "encoder.kind hierarchical reads documents, sentence by sentence: set task.sentences to true"
            )
        real = mask.any(-1)  # (B, S)
        if torch.compiler.is_exporting():
            return self._encode_all(tokens, mask, real)
        read = self.words(tokens[real], mask[real])
        vectors = read.vector.new_zeros(*real.shape, self.words.width).masked_scatter(real.unsqueeze(-1), read.vector)
        document = self.sentences(self.dropout(vectors), real)
        words = read.weights["tokens"]
        spread = words.new_zeros(mask.shape).masked_scatter(real.unsqueeze(-1), words)
        return Encoded(document.vector, {"words": spread, "sentences": document.weights["tokens"]})

    def _encode_all(self, tokens: Tensor, mask: Tensor, real: Tensor) -> Encoded:
        """Encode documents as `forward` does, with empty sentences, whose number a graph does not know."""
        read = cast(Encoded, self.words(tokens.flatten(0, 1), mask.flatten(0, 1)))
        shape = mask.shape[:2]
        document = self.sentences(read.vector.unflatten(0, shape), real)
        words = read.weights["tokens"].unflatten(0, shape)
        return Encoded(document.vector, {"words": words, "sentences": document.weights["tokens"]})
