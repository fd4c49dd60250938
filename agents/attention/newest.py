"""Self-attention of one more token to itself and all tokens before it, whose keys and values were kept.

Axes: B sequences, t tokens before, D width, h heads.
"""

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.multi_head import Heads, MultiHead, scaled_dot_product

KeysAndValues = tuple[Tensor, Tensor]
"""Keys and values of t tokens, (B, h, t, D / h) each."""


class RowAttention(Protocol):
    """Attention with heads that can compute the last row of causal self-attention by itself."""

    heads: Heads

    def attend_row(self, query: Tensor, keys: Tensor, values: Tensor) -> tuple[Attended, Tensor | None]:
        """Attend from the last token to itself and all tokens before it.

        Args:
            query: (B, h, 1, D / h), of the last token.
            keys: (B, h, t + 1, D / h), of all tokens.
            values: (B, h, t + 1, D / h), of all tokens.

        Returns:
            The context (B, h, 1, D / h); and what may be read, bool that broadcasts to (B, h, 1, t + 1), or None where
            that is all.
        """
        ...


def attend_at(
    mechanism: nn.Module, token: Tensor, position: Tensor, known: KeysAndValues
) -> tuple[Tensor, KeysAndValues]:
    """Attend as `attend_newest` does, where each sequence may be at another position.

    The token's keys and values replace in place what is known of its position: to copy all that is known at each step
    costs more than to attend to it.

    Args:
        mechanism: a `MultiHead`.
        token: (B, 1, D).
        position: (B,) int64 in [0, n), of the tokens.
        known: keys and values, room for n of them, (B, h, n, D / h) each; what stands after the position is not read.

    Returns:
        The tokens' context (B, 1, D), and keys and values with their own.
    """
    heads, number = cast(MultiHead, mechanism).heads, torch.arange(known[0].shape[2], device=token.device)
    query, key, value = heads.split(token, token, token)
    keys, values = put_at(known[0], position, key), put_at(known[1], position, value)
    mask = (number <= position[:, None])[:, None, None]
    attended = scaled_dot_product(query, keys, values, mask, None, cast(MultiHead, mechanism).normalise, True)
    return heads.join(Attended(attended.context, None), None).context, (keys, values)


def put_at(known: Tensor, position: Tensor, new: Tensor) -> Tensor:
    """Put vectors (B, h, 1, E) at positions (B,) int64 of `known` (B, h, n, E), in place, and return `known`."""
    return known.scatter_(2, position[:, None, None, None].expand_as(new), new.to(known.dtype))


def attend_newest(mechanism: nn.Module, token: Tensor, before: KeysAndValues) -> tuple[Tensor, KeysAndValues]:
    """Compute the last row of causal attention, at the cost of a row.

    Args:
        mechanism: a `RowAttention`.
        token: (B, 1, D).
        before: keys and values of the tokens before, as this function gave them.

    Returns:
        The token's context (B, 1, D), and keys and values with its own.
    """
    rows = cast(RowAttention, mechanism)
    query, key, value = rows.heads.split(token, token, token)
    keys, values = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
    attended, mask = rows.attend_row(query, keys, values)
    return rows.heads.join(Attended(attended.context, None), mask).context, (keys, values)
