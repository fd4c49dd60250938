"""A bidirectional LSTM or GRU over tokens.

Axes: B texts, L tokens, E width of a token's vector, U units of each direction.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.encoders.encoded import Encoded, Encoder
from glimpse.agents.encoders.options import RecurrentEncoderOptions
from glimpse.agents.encoders.pooling import Pooling


class BidirectionalStates(nn.Module):
    """All states of both directions; padding is not read, so that the backward direction begins at the last token."""

    def __init__(self, kind: str, embedding_width: int, width: int, layers: int = 1) -> None:
        """Make layers of `kind`, lstm or gru, for tokens (B, L, E); `width` is that of each direction."""
        super().__init__()
        network = nn.LSTM if kind == "lstm" else nn.GRU
        self.network = network(embedding_width, width, layers, batch_first=True, bidirectional=True)
        self.width = 2 * width

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, L, 2 U), zeros at padding; and the last layer's last ones, of both directions, (B, 2 U).

        Args:
            tokens: (B, L, E).
            mask: (B, L) bool, True for real tokens, which stand before all padding.
        """
        if not len(tokens):
            return tokens.new_zeros(*mask.shape, self.width), tokens.new_zeros(0, self.width)
        length = mask.sum(1)
        packed = pack_padded_sequence(tokens, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        states, last = self.network(packed)
        hidden = cast(Tensor, last[0] if isinstance(last, tuple) else last)[-2:]
        padded, _ = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])
        # An empty text is read as one token of padding, of which nothing may be left.
        real = mask.unsqueeze(-1)
        return torch.where(real, padded, 0.0), torch.where(real.any(1), torch.cat([hidden[0], hidden[1]], -1), 0.0)


class RecurrentEncoder(Encoder):
    """Bi-LSTM or bi-GRU whose states are pooled, or whose last ones are taken."""

    def __init__(self, options: RecurrentEncoderOptions, embedding_width: int) -> None:
        """Make it for tokens (B, L, E)."""
        super().__init__()
        self.states = BidirectionalStates(options.kind, embedding_width, options.width, options.layers)
        self.pooling = None if options.pooling.kind == "last" else Pooling(options.pooling, self.states.width)
        self.width = self.states.width if self.pooling is None else self.pooling.width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`."""
        states, last = self.states(tokens, mask)
        return Encoded(last, {}) if self.pooling is None else cast(Encoded, self.pooling(states, mask))
