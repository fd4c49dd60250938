"""Hierarchical attention networks: words make sentences, and sentences make a document (Yang et al., 2016).

Axes: B documents, S sentences, L words, E width of a word's vector, D width of a sentence's.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.encoders.encoded import Encoded, Encoder, real_first, take
from glimpse.agents.encoders.options import HierarchicalEncoderOptions, LevelOptions
from glimpse.agents.encoders.pooling import Pooling
from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates


class ConvolutionalStates(nn.Module):
    """A rectified convolution over three neighbours, as long as what came in."""

    def __init__(self, embedding_width: int, width: int) -> None:
        """Make it for (B, L, E) -> (B, L, `width`)."""
        super().__init__()
        self.filters, self.width = nn.Conv1d(embedding_width, width, 3, padding=1), width

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        """States, of which those at padding are zero; and no last state."""
        if not mask.shape[1]:
            return tokens.sum(-1, keepdim=True).expand(-1, -1, self.width), None
        tokens, mask, order = real_first(tokens, mask)
        real = mask.unsqueeze(-1)
        states: Tensor = self.filters(torch.where(real, tokens, 0.0).mT).mT.relu()
        states = torch.where(real, states, 0.0)
        return states if order is None else take(states, order.argsort(1)), None


class Level(nn.Module):
    """What reads the parts of a whole, words or sentences: states, and a pooling of them."""

    def __init__(self, options: LevelOptions, embedding_width: int) -> None:
        """Make it for parts (B, L, E)."""
        super().__init__()
        self.states = (
            ConvolutionalStates(embedding_width, 2 * options.width)
            if options.kind == "cnn"
            else BidirectionalStates(options.kind, embedding_width, options.width)
        )
        self.pooling = Pooling(options.pooling, self.states.width)
        self.width = self.pooling.width

    def forward(self, parts: Tensor, mask: Tensor) -> Encoded:
        """(B, L, E) and real parts (B, L) -> (B, D), and weights `tokens` (B, L)."""
        return cast(Encoded, self.pooling(self.states(parts, mask)[0], mask))


class HierarchicalEncoder(Encoder):
    """HN-ATT, or HN-AVE and HN-MAX where both levels pool so. Weights: `words` (B, S, L) and `sentences` (B, S)."""

    def __init__(self, options: HierarchicalEncoderOptions, embedding_width: int) -> None:
        """Make it for documents (B, S, L, E)."""
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
        read = self.words(tokens[real], mask[real])
        vectors = read.vector.new_zeros(*real.shape, self.words.width).masked_scatter(real.unsqueeze(-1), read.vector)
        document = self.sentences(self.dropout(vectors), real)
        words = read.weights["tokens"]
        spread = words.new_zeros(mask.shape).masked_scatter(real.unsqueeze(-1), words)
        return Encoded(document.vector, {"words": spread, "sentences": document.weights["tokens"]})
