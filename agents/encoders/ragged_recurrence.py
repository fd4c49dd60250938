"""States of LSTMs and GRUs over texts of several lengths, without asking a GPU for the lengths.

Padding is read with one more input, 1 where there is no token, which opens the gates that keep the memory and closes
those that change it. So a direction that begins at padding is still empty at the first token that it reads, and an
LSTM's last cell is that of the last token. On a CPU texts are read in groups of similar length: torch's packed modules
take a time quadratic in the length there, where they learn.

Axes: B texts, L tokens, E width of a token's vector, U units, R directions, N layers.
"""

import warnings
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.encoders.length_groups import in_order, length_groups

_SHUT = 1e4
"""Added to the input of a gate that is to be 0 or 1, exactly."""
_ALIGNED = 8
"""Inputs are a multiple of this many numbers, with which products are faster."""


class Read(NamedTuple):
    """What a network has read.

    states: (B, L, R U), those of the last layer; at padding they mean nothing.
    hidden: (B, N, R U), the last states of each layer.
    cell: (B, N, R U), the last cells of each layer of an LSTM; of a GRU the last states again.
    """

    states: Tensor
    hidden: Tensor
    cell: Tensor


def read_texts(network: nn.LSTM | nn.GRU, tokens: Tensor, length: Tensor) -> Read:
    """Read texts (B, L, E), of which the first `length` (B,) int64 tokens are real, at least one."""
    if tokens.device.type != "cpu":
        return _read_padded(network, tokens, length)
    if isinstance(network, nn.GRU) and not torch.is_grad_enabled() and length.min() < length.max():
        return _read_packed(network, tokens, length)
    groups = length_groups(length)
    if len(groups) == 1:
        return _read_group(network, tokens, length)
    order, sizes = torch.cat(groups), [len(group) for group in groups]
    parts = zip(in_order(tokens, order).split(sizes), length[order].split(sizes), strict=True)
    found = [_read_group(network, some, own) for some, own in parts]
    return Read(*(in_order(torch.cat(each), order.argsort()) for each in zip(*found, strict=True)))


def _read_group(network: nn.LSTM | nn.GRU, tokens: Tensor, length: Tensor) -> Read:
    """Read texts (B, L, E) on the host, as far as the longest of them."""
    longest = int(length.max())
    read = _read_padded(network, tokens[:, :longest], length, even=bool(length.min() == longest))
    return read._replace(states=F.pad(read.states, (0, 0, 0, tokens.shape[1] - longest)))


def _read_padded(network: nn.LSTM | nn.GRU, tokens: Tensor, length: Tensor, even: bool = False) -> Read:
    """Read texts layer by layer, all of them at once; if they are `even` there is no padding."""
    last = (length - 1)[:, None, None].expand(-1, 1, network.hidden_size)
    hidden, cells, units = [], [], network.hidden_size
    padding = (torch.arange(tokens.shape[1], device=tokens.device) >= length[:, None]).to(tokens.dtype)
    for layer in range(network.num_layers):
        if layer:
            tokens = F.dropout(tokens, network.dropout, network.training)
        tokens, ends = _read_layer(network, layer, tokens, None if even else padding)
        there = tokens[..., :units].gather(1, last)[:, 0]
        # The other direction ends at the first token.
        hidden.append(torch.cat([there, tokens[:, 0, units:]], -1))
        cells.append(ends.transpose(0, 1).flatten(1))
    return Read(tokens, torch.stack(hidden, 1), torch.stack(cells, 1))


def _read_layer(network: nn.LSTM | nn.GRU, layer: int, tokens: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
    """Compute a layer's states (B, L, R U) from tokens (B, L, E), and its last cells or states (R, B, U).

    Args:
        network: has the layer's weights.
        layer: number of the layer, from 0.
        tokens: (B, L, E).
        padding: (B, L), 1 at padding and 0 at tokens; None where there is none.
    """
    column: Tensor | None = None
    if padding is not None:
        filled = -(tokens.shape[-1] + 1) % _ALIGNED
        tokens = torch.cat([tokens, F.pad(padding.unsqueeze(-1), (0, filled))], -1)
        # Of the gates i, f, g, o; or r, z, n.
        kept = (-_SHUT, _SHUT, 0.0, 0.0) if isinstance(network, nn.LSTM) else (0.0, _SHUT, 0.0)
        gates = torch.cat([tokens.new_full((network.hidden_size, 1), added) for added in kept])
        column = F.pad(gates, (0, filled))
    weights: list[Tensor] = []
    for name in [f"l{layer}", f"l{layer}_reverse"][: 1 + network.bidirectional]:
        own = [getattr(network, f"{kind}_{name}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        weights += own if column is None else [torch.cat([own[0], column.to(own[0].dtype)], 1), *own[1:]]
    start = tokens.new_zeros(1 + network.bidirectional, len(tokens), network.hidden_size)
    settings: Any = (weights, True, 1, 0.0, network.training, network.bidirectional, True)
    with warnings.catch_warnings():  # cuDNN joins weights anew for each batch: these are few.
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        if isinstance(network, nn.LSTM):
            states, _, cell = torch.lstm(tokens, (start, start), *settings)
            return states, cell
        return torch.gru(tokens, start, *settings)


def _read_packed(network: nn.GRU, tokens: Tensor, length: Tensor) -> Read:
    """Read texts packed, by torch's own GRU, which is as fast as any way where nothing is learned."""
    packed = pack_padded_sequence(tokens, length, batch_first=True, enforce_sorted=False)
    states, last = network(packed)
    padded, _ = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])
    hidden = last.unflatten(0, (network.num_layers, -1)).movedim(2, 0).flatten(2)
    return Read(padded, hidden, hidden)
