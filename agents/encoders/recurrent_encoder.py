"""Bidirectional recurrent encoder: an LSTM, a GRU, or another core with a sequence network.

Axes: B texts, L tokens, E width of a token's vector, U units of each direction.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.encoders.encoded import Encoded, Encoder, TokenStates, gather_tokens, real_first
from glimpse.agents.encoders.exported_states import exported_states
from glimpse.agents.encoders.options import LastOptions, RecurrentEncoderOptions
from glimpse.agents.encoders.pooling import Pooling
from glimpse.agents.encoders.ragged_recurrence import read_texts
from glimpse.agents.step_cores import sequence_network


class BidirectionalStates(nn.Module):
    """States of both directions; padding is not read, so that the backward direction begins at the last token."""

    def __init__(self, kind: str, embedding_width: int, width: int, layers: int = 1) -> None:
        """Make layers of `kind`, a core of the registry, for tokens (B, L, E); `width` is that of each direction."""
        super().__init__()
        self.network = sequence_network(kind)(embedding_width, width, layers, batch_first=True, bidirectional=True)
        self.width = 2 * width

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compute states (B, L, 2 U), zeros at padding; and the last layer's last states, both directions, (B, 2 U).

        Args:
            tokens: (B, L, E).
            mask: (B, L) bool, True for real tokens; padding between them is skipped.
        """
        if not mask.numel():
            nothing = tokens.sum(-1, keepdim=True).expand(-1, -1, self.width)
            return nothing, nothing.sum(1)
        tokens, mask, order = real_first(tokens, mask)
        length, real = mask.sum(1), mask.unsqueeze(-1)
        # An empty text is read as one token of padding, whose states are then set to zero.
        states, last = self._read(tokens, length.clamp(min=1))
        states, last = torch.where(real, states, 0.0), torch.where(real.any(1), last, 0.0)
        return states if order is None else gather_tokens(states, order.argsort(1)), last

    def _read(self, tokens: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Compute states (B, L, 2 U) of the first `length` (B,) of tokens (B, L, E); and the last ones (B, 2 U)."""
        if torch.compiler.is_exporting():
            return exported_states(self.network, tokens, length)
        if isinstance(self.network, nn.LSTM | nn.GRU):
            read = read_texts(self.network, tokens, length)
            return read.states, read.hidden[:, -1]
        return _read_packed(self.network, tokens, length)


def _read_packed(network: nn.RNNBase, tokens: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the states of a network that another package adds; on a GPU the host waits for the lengths."""
    packed = pack_padded_sequence(tokens, length.cpu(), batch_first=True, enforce_sorted=False)
    states, last = network(packed)
    hidden = cast(Tensor, last[0] if isinstance(last, tuple) else last)[-2:]
    padded, _ = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])
    return padded, torch.cat([hidden[0], hidden[1]], -1)


class RecurrentEncoder(Encoder):
    """Bidirectional recurrent encoder whose states are pooled, or whose last ones are taken."""

    def __init__(self, options: RecurrentEncoderOptions, embedding_width: int) -> None:
        """Make the networks for tokens (B, L, E)."""
        super().__init__()
        self.states = BidirectionalStates(options.kind, embedding_width, options.width, options.layers)
        self.pooling = None if isinstance(options.pooling, LastOptions) else Pooling(options.pooling, self.states.width)
        self.width = self.states.width if self.pooling is None else self.pooling.width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`."""
        states, last = self.states(tokens, mask)
        pooled = Encoded(last, {}) if self.pooling is None else cast(Encoded, self.pooling(states, mask, last))
        return pooled._replace(tokens=TokenStates(states, mask))
