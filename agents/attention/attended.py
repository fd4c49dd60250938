"""Arguments and result that every attention mechanism shares, and checks of them.

Axes: B sequences, n_q queries (tokens that read), n_k keys (tokens that are read), D width, h heads.

`forward(query, key, value, mask=None, *, need_weights=True) -> Attended`, with query (B, n_q, D), key and value
(B, n_k, D), and a bool mask that broadcasts to (B, n_q, n_k), True where a token may be read. Self-attention is the
call with query = key = value. A row with nothing to read has weights and context of zeros, and no gradient.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Attended(NamedTuple):
    """Result of attention: a context for each query, and the weights of the keys in it.

    context: (B, n_q, D).
    weights: (B, n_q, n_k) in [0, 1], each row's sum 1 or less; with heads (B, h, n_q, n_k), and (B, n_q, n_k, D)
        where each feature has its own. None if they were not asked for, so that fast paths need not compute them.
    """

    context: Tensor
    weights: Tensor | None


class Mechanism(Protocol):
    """Call of an attention mechanism, which is an `nn.Module`."""

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend from each query to the keys that the mask allows, and return contexts and weights."""
        ...


def check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: int | None = None) -> None:
    """Check that the shapes of query, key, value and mask fit together.

    Args:
        query: (B, n_q, D).
        key: (B, n_k, D).
        value: (B, n_k, D').
        mask: bool that broadcasts to (B, n_q, n_k); with heads, to (B, h, n_q, n_k) too.
        heads: h, or None.

    Raises:
        ValueError: if they do not; the message says what was expected and what to do.
    """
    if torch.compiler.is_exporting():
        return
    shapes = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    if not (query.dim() == key.dim() == value.dim() == 3):
        raise ValueError(f"attention expects (batch, tokens, width) three times, not {shapes}")
    if len({len(query), len(key), len(value)}) > 1 or key.shape[1] != value.shape[1]:
        raise ValueError(f"attention expects one batch size, and a value for each key, not {shapes}")
    check_mask(mask, (len(query), query.shape[1], key.shape[1]), heads)


def check_mask(mask: Tensor | None, shape: tuple[int, int, int], heads: int | None = None) -> None:
    """Check that a mask is bool and broadcasts to `shape` (B, n_q, n_k), or to (B, h, n_q, n_k).

    Raises:
        ValueError: if they do not; the message says what was expected and what to do.
    """
    if mask is None or torch.compiler.is_exporting():
        return
    if mask.dtype != torch.bool:
        raise ValueError(f"a mask is bool, True where a token may be read, not {mask.dtype}: compare, e.g. `x != 0`")
    full = (shape[0], heads, *shape[1:]) if mask.dim() == 4 and heads else shape
    if mask.dim() > len(full) or any(
        m not in (1, n) for m, n in zip(reversed(mask.shape), reversed(full), strict=False)
    ):
        hint = "a mask of tokens `real` (batch, tokens) is given as `real[:, None]`"
        raise ValueError(f"a mask must broadcast to {tuple(full)}, not {tuple(mask.shape)}: {hint}")


def silence(context: Tensor, mask: Tensor | None) -> Tensor:
    """Set the context of queries that may read nothing to zero, where a later bias would change it.

    Args:
        context: (B, n_q, D).
        mask: bool that broadcasts to (B, h, n_q, n_k), of four dimensions; or None.
    """
    if mask is None:
        return context
    rows = mask.any(-1).any(1)
    # On a CPU this check is cheaper than filling; on a GPU it would wait for the device.
    if context.device.type == "cpu" and not torch.compiler.is_exporting() and rows.all():
        return context
    return context.masked_fill(~rows.unsqueeze(-1), 0)


def by_head(mask: Tensor | None) -> Tensor | None:
    """Return a mask for (B, n_q, n_k) or (B, h, n_q, n_k) with four dimensions."""
    if mask is None or mask.dim() == 4:
        return mask
    return mask.reshape((1,) * (3 - mask.dim()) + mask.shape).unsqueeze(1)
