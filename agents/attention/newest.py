"""Self-attention of one more token to itself and all before it, whose keys and values were kept.

Axes: B sequences, t tokens before, D width, h heads.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.multi_head import MultiHead, scaled_dot_product
from glimpse.agents.attention.relative import Relative, relative_row
from glimpse.agents.attention.sparse import Sparse

KeysAndValues = tuple[Tensor, Tensor]
"""Of t tokens, (B, h, t, D / h) each."""


def attend_at(mechanism: nn.Module, token: Tensor, place: Tensor, known: KeysAndValues) -> tuple[Tensor, KeysAndValues]:
    """As `attend_newest`, where each sequence may be at another place; what is known of that place is replaced.

    It is replaced where it stands: to copy all that is known at each step costs more than to attend to it.

    Args:
        mechanism: a `MultiHead`.
        token: (B, 1, D).
        place: (B,) int64 in [0, n), of the tokens.
        known: keys and values, room for n of them, (B, h, n, D / h) each; what stands after the place is not read.

    Returns:
        The tokens' context (B, 1, D), and keys and values with their own.
    """
    heads, number = cast(MultiHead, mechanism).heads, torch.arange(known[0].shape[2], device=token.device)
    query, key, value = heads.split(token, token, token)
    keys, values = put_at(known[0], place, key), put_at(known[1], place, value)
    mask = (number <= place[:, None])[:, None, None]
    attended = scaled_dot_product(query, keys, values, mask, None, cast(MultiHead, mechanism).normalise, True)
    return heads.join(Attended(attended.context, None), None).context, (keys, values)


def put_at(known: Tensor, place: Tensor, new: Tensor) -> Tensor:
    """Put vectors (B, h, 1, E) at places (B,) int64 of `known` (B, h, n, E), in place; gives `known`."""
    return known.scatter_(2, place[:, None, None, None].expand_as(new), new.to(known.dtype))


def attend_newest(mechanism: nn.Module, token: Tensor, before: KeysAndValues) -> tuple[Tensor, KeysAndValues]:
    """The last row of causal attention, at the cost of a row.

    Args:
        mechanism: a `MultiHead`, a `Relative` or a `Sparse`.
        token: (B, 1, D).
        before: keys and values of the tokens before, as this function gave them.

    Returns:
        The token's context (B, 1, D), and keys and values with its own.
    """
    heads = cast(MultiHead | Relative | Sparse, mechanism).heads
    query, key, value = heads.split(token, token, token)
    keys, values = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
    match mechanism:
        case Relative(key_table=key_table, value_table=value_table, normalise=normalise):
            attended, mask = relative_row(query, keys, values, key_table, value_table, normalise), None
        case Sparse(patterns=patterns, normalise=normalise):
            last, places = torch.full((1, 1), keys.shape[2] - 1, device=key.device), torch.arange(keys.shape[2])
            cells = torch.stack([pattern.allowed(last, places.to(key.device)) for pattern in patterns])
            mask = cells.repeat_interleave(heads.count // len(patterns), 0)[None]
            attended = scaled_dot_product(query, keys, values, mask, None, normalise, False)
        case _:
            mask, normalise = None, cast(MultiHead, mechanism).normalise
            attended = scaled_dot_product(query, keys, values, None, None, normalise, False)
    return heads.join(Attended(attended.context, None), mask).context, (keys, values)
