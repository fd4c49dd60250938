"""A bidirectional LSTM or GRU over tokens.

Axes: B texts, L tokens, E width of a token's vector, U units of each direction.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.encoders.encoded import Encoded, Encoder, real_first, take
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
            mask: (B, L) bool, True for real tokens; those between them are passed over.
        """
        if not mask.numel():
            nothing = tokens.sum(-1, keepdim=True).expand(-1, -1, self.width)
            return nothing, nothing.sum(1)
        tokens, mask, order = real_first(tokens, mask)
        length, real = mask.sum(1), mask.unsqueeze(-1)
        # An empty text is read as one token of padding, of which nothing may be left.
        read = _read_unpacked if isinstance(self.network, nn.GRU) and tokens.device.type == "cpu" else _read_packed
        longest = tokens.shape[1] if order is None else max(1, int(length.max()))
        states, last = read(self.network, tokens[:, :longest], length.clamp(min=1))
        states, last = torch.where(real[:, :longest], states, 0.0), torch.where(real.any(1), last, 0.0)
        if order is None:
            return states, last
        states = nn.functional.pad(states, (0, 0, 0, tokens.shape[1] - longest))
        return take(states, order.argsort(1)), last


def _read_packed(network: nn.RNNBase, tokens: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """States (B, L, 2 U) of tokens (B, L, E), of which the first `length` (B,) are read; and the last ones (B, 2 U)."""
    packed = pack_padded_sequence(tokens, length.cpu(), batch_first=True, enforce_sorted=False)
    states, last = network(packed)
    hidden = cast(Tensor, last[0] if isinstance(last, tuple) else last)[-2:]
    padded, _ = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])
    return padded, torch.cat([hidden[0], hidden[1]], -1)


def _read_unpacked(network: nn.RNNBase, tokens: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The same of a GRU: on a CPU torch's takes a time quadratic in L where texts are packed.

    Each direction reads from left to right, the backward one the text turned round, so that padding comes last.
    """
    place = torch.arange(tokens.shape[1], device=tokens.device)
    turned = torch.where(place < length[:, None], length[:, None] - 1 - place, place)  # (B, L)
    start = tokens.new_zeros(1, len(tokens), network.hidden_size)
    for layer in range(network.num_layers):
        there = _gru(network, f"l{layer}", tokens, start)
        back = take(_gru(network, f"l{layer}_reverse", take(tokens, turned), start), turned)
        tokens = torch.cat([there, back], -1)
    last = take(there, length[:, None] - 1)[:, 0]
    return tokens, torch.cat([last, back[:, 0]], -1)


def _gru(network: nn.RNNBase, name: str, tokens: Tensor, start: Tensor) -> Tensor:
    """States (B, L, U) of one layer and direction."""
    weights = [getattr(network, f"{kind}_{name}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    states: Tensor = torch.gru(tokens, start, weights, True, 1, 0.0, network.training, False, True)[0]
    return states


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
        return Encoded(last, {}) if self.pooling is None else cast(Encoded, self.pooling(states, mask, last))
