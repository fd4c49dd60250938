"""States of bidirectional LSTMs and GRUs as one operator of ONNX, which reads texts of several lengths.

Axes: B texts, L tokens, E width of a token's vector, U units of each direction.
"""

from typing import Any

import torch
from torch import Tensor, nn

_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}
"""ONNX's order of gates, as places in torch's: i, o, f, c of i, f, c, o; and z, r, h of r, z, h."""


def exported_states(network: nn.RNNBase, tokens: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Compute states (B, L, 2 U) of the first `length` (B,) of tokens (B, L, E); and the last ones, (B, 2 U).

    It is called while a graph is captured, and computes nothing by itself.

    Raises:
        NotImplementedError: if ONNX has no operator for the network.
    """
    if not isinstance(network, nn.LSTM | nn.GRU):
        raise NotImplementedError(f"ONNX has no operator for {type(network).__name__}")
    last = tokens[:, 0]
    for layer in range(network.num_layers):
        tokens, last = _layer(network, layer, tokens, length)
    return tokens, last


def _layer(network: nn.LSTM | nn.GRU, layer: int, tokens: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Add the operator of one layer, in both directions."""
    kind, units = ("LSTM" if isinstance(network, nn.LSTM) else "GRU"), network.hidden_size
    names = (f"l{layer}", f"l{layer}_reverse")
    read, remembered = (
        torch.stack([_ordered(getattr(network, f"{weight}_{name}"), kind) for name in names])
        for weight in ("weight_ih", "weight_hh")
    )
    biases = [
        torch.cat([_ordered(getattr(network, f"{bias}_{name}"), kind) for bias in ("bias_ih", "bias_hh")])
        for name in names
    ]
    attributes: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional"}
    if kind == "GRU":
        attributes["linear_before_reset"] = 1
    batch, longest = tokens.shape[:2]
    states, last = torch.onnx.ops.symbolic_multi_out(
        kind,
        (tokens.transpose(0, 1), read, remembered, torch.stack(biases), length.int()),
        attributes,
        dtypes=(tokens.dtype, tokens.dtype),
        shapes=((longest, 2, batch, units), (2, batch, units)),
    )
    return states.permute(2, 0, 1, 3).flatten(2), last.transpose(0, 1).flatten(1)


def _ordered(weight: Tensor, kind: str) -> Tensor:
    """Return weights or biases, whose first axis has all gates, with the gates in ONNX's order."""
    gates = weight.unflatten(0, (len(_GATES[kind]), -1))
    return torch.cat([gates[place] for place in _GATES[kind]])
