"""Multi-head self-attention that computes little more than a pattern's cells (Child et al., 2019; Longformer, 2020).

A pattern is a union of parts. In each part, queries that read nearly the same keys form groups, blocks of neighbours or
every l-th token, and each group computes its own keys alone: n x m cells instead of n x n. The few queries that read
nearly all keys, such as global tokens, are computed separately. Where no grouping saves enough cells, attention is
dense under the mask; the result is equal.
"""

from collections.abc import Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, by_head, check
from glimpse.agents.attention.masks import AllOf, AnyOf, Fixed, MaskOptions, Pattern, Strided
from glimpse.agents.attention.multi_head import Heads, scaled_dot_product
from glimpse.agents.attention.normalisers import Normaliser, make_normaliser, softmax
from glimpse.agents.attention.options import NormaliserOptions

# Groups are faster than dense where a row computes at most this share of n keys, less this number: by measurement, at
# n = 256 and 1024, of one part and of several.
_ALONE, _TOGETHER = (0.45, 40), (0.26, 24)


class Part(NamedTuple):
    """Part of a pattern: groups of queries, and what each may read.

    queries: (G, q) int64, each query once; the last groups are filled up with query 0.
    keys: (G, m) int64, filled up with key 0.
    allowed: (G, q, m) bool, False where filled up.
    position: (n,) int64, the index of each query among the G q.
    """

    queries: Tensor
    keys: Tensor
    allowed: Tensor
    position: Tensor


class Plan(NamedTuple):
    """Plan of the cells that are computed for a pattern.

    parts: their cells are disjoint.
    whole: (w,) int64, the queries that are in no part, and are computed with all keys.
    cells: (w, n) bool, what those may read.
    """

    parts: tuple[Part, ...]
    whole: Tensor
    cells: Tensor


class Sparse(nn.Module):
    """Multi-head attention under a pattern, with as many queries as keys; weights (B, h, n, n).

    Several patterns divide the heads among themselves, in their order.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        patterns: Pattern | Sequence[Pattern],
        normaliser: NormaliserOptions | str = "softmax",
        bias: bool = True,
    ) -> None:
        """Make the maps.

        Raises:
            ValueError: if the patterns do not divide the heads, or the heads the width.
        """
        super().__init__()
        self.heads = Heads(width, heads, bias)
        self.patterns = [patterns] if isinstance(patterns, Pattern) else list(patterns)
        if heads % len(self.patterns):
            raise ValueError(f"{len(self.patterns)} patterns do not divide {heads} heads: choose other `heads`")
        self.normalise = make_normaliser(normaliser)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend to what both pattern and mask allow; a mask is cheapest as (B, 1, n_k). With weights it is dense."""
        check(query, key, value, mask, self.heads.count)
        count, share = len(self.patterns), self.heads.count // len(self.patterns)
        q, k, v = (x.split(share, 1) for x in self.heads.split(query, key, value))
        mask = by_head(mask)
        masks = [mask] * count if mask is None or mask.shape[1] == 1 else list(mask.split(share, 1))
        read = [self._read(*each, need_weights) for each in zip(self.patterns, q, k, v, masks, strict=True)]
        context = torch.cat([attended.context for attended, _ in read], 1)
        weights = [attended.weights for attended, _ in read if attended.weights is not None]
        rows = reduce(or_, [rows for _, rows in read])
        return self.heads.join(Attended(context, torch.cat(weights, 1) if weights else None), rows.unsqueeze(-1))

    def attend_row(self, query: Tensor, keys: Tensor, values: Tensor) -> tuple[Attended, Tensor | None]:
        """Attend from the last token, to what its row of each pattern allows; see `newest.RowAttention`."""
        positions = torch.arange(keys.shape[2], device=keys.device)
        cells = torch.stack([pattern.allowed(positions[-1:, None], positions) for pattern in self.patterns])
        mask = cells.repeat_interleave(self.heads.count // len(self.patterns), 0)[None]
        return scaled_dot_product(query, keys, values, mask, None, self.normalise, False), mask

    def _read(
        self, pattern: Pattern, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, need_weights: bool
    ) -> tuple[Attended, Tensor]:
        """Attend with some heads under a pattern; also return which rows may read anything, bool (B or 1, 1, n_q)."""
        n_q, n_k = query.shape[2], key.shape[2]
        dense = need_weights or torch.compiler.is_exporting() or n_q != n_k or not n_q
        plan = None if dense else make_plan(pattern, n_q, query.device)
        if plan is None:
            cells = pattern(n_q, n_k, query.device)
            allowed = cells[None, None] if mask is None else cells & mask
            attended = scaled_dot_product(query, key, value, allowed, None, self.normalise, need_weights)
            return attended, allowed.any(-1).any(1, keepdim=True)
        context, rows = _planned(query, key, value, plan, mask, self.normalise)
        return Attended(context, None), rows.any(1, keepdim=True)


@lru_cache(maxsize=256)
def make_plan(pattern: Pattern, n: int, device: torch.device) -> Plan | None:
    """Make the plan of a pattern over n tokens; None where dense attention is as good."""
    plan = _make_plan(pattern, n)
    if plan is None:
        return None
    parts = tuple(Part(*(tensor.to(device, non_blocking=True) for tensor in part)) for part in plan.parts)
    return Plan(parts, *(tensor.to(device, non_blocking=True) for tensor in plan[1:]))


def _make_plan(pattern: Pattern, n: int) -> Plan | None:
    """Make the plan on the host."""
    rest = torch.ones(n, n, dtype=torch.bool)
    allowed = pattern(n, n)
    if allowed.dim() != 2:
        raise ValueError("a pattern of sparse attention is the same for all sentences: give padding as the mask")
    whole = (allowed.sum(-1) > n / 2).nonzero()[:, 0]
    if len(whole) > n / 8:
        whole = whole[:0]
    rest[whole] = False
    parts = []
    for token in _union(pattern):
        cells = token(n, n)
        parts.append(_cheapest(cells & rest, _strides(token)))
        rest &= ~cells
    width = sum(part.keys.shape[1] for part in parts) + len(whole)
    share, number = _ALONE if len(parts) == 1 and not len(whole) else _TOGETHER
    if width > share * n - number:
        return None
    return Plan(tuple(parts), whole, allowed[whole])


def _union(pattern: MaskOptions | Pattern) -> list[MaskOptions | Pattern]:
    """Return the patterns of which a pattern is the union."""
    if isinstance(pattern, Fixed):
        return _union(pattern.parts())
    return [token for mask in pattern.masks for token in _union(mask)] if isinstance(pattern, AnyOf) else [pattern]


def _strides(pattern: MaskOptions | Pattern) -> set[int]:
    """Return the strides at which a pattern's rows may be equal."""
    if isinstance(pattern, AllOf):
        return set().union(*(_strides(mask) for mask in pattern.masks))
    return {pattern.stride} if isinstance(pattern, Strided) else {getattr(pattern, "dilation", 1)}


def _cheapest(cells: Tensor, strides: set[int]) -> Part:
    """Find the grouping of bool (n, n) cells that computes least."""
    groupings = [_group(cells, stride, size) for stride in strides for size in (8, 16, 32, 64, 128)]
    # A group costs something besides its cells: as much as its keys are moved.
    return min(groupings, key=lambda part: part.allowed.numel() + 16 * part.keys.numel())


def _group(cells: Tensor, stride: int, size: int) -> Part:
    """Make groups of `size` queries that are `stride` apart."""
    n = len(cells)
    lane_length = -(-n // stride)
    size = min(size, lane_length)
    runs = -(-lane_length // size) * size
    queries = (torch.arange(stride)[:, None] + stride * torch.arange(runs)).view(-1, size)  # (G, q)
    real = queries < n
    queries = queries.where(real, 0)
    rows = cells[queries] & real[..., None]  # (G, q, n)
    reached = rows.any(1)
    most = max(1, int(reached.sum(-1).max()))
    keys = reached.byte().sort(dim=-1, descending=True, stable=True).indices[:, :most]
    allowed = rows.gather(2, keys[:, None].expand(-1, size, -1))
    index = torch.arange(n)
    return Part(queries, keys.where(reached.gather(1, keys), 0), allowed, index % stride * runs + index // stride)


def _gather(x: Tensor, index: Tensor) -> Tensor:
    """Gather (B, h, n, d) at index (G, q) -> (B, h, G, q, d)."""
    return x.index_select(2, index.flatten()).view(*x.shape[:2], *index.shape, x.shape[3])


def _scatter(x: Tensor, part: Part) -> Tensor:
    """Undo the gathering of a part's queries, (B, h, G, q, ...) -> (B, h, n, ...)."""
    return x.flatten(2, 3).index_select(2, part.position)


def _allowed(part: Part, mask: Tensor | None) -> Tensor:
    """Restrict a part's cells to a mask (B, h or 1, n or 1, n or 1): bool (B or 1, h or 1, G, q, m)."""
    if mask is None:
        return part.allowed[None, None]
    n = len(part.position)
    mask = mask.expand(-1, -1, -1, n)
    if mask.shape[2] == 1:
        return part.allowed & mask[:, :, 0][:, :, part.keys].unsqueeze(3)
    return part.allowed & mask[:, :, part.queries[:, :, None], part.keys[:, None, :]]


def _planned(
    query: Tensor, key: Tensor, value: Tensor, plan: Plan, mask: Tensor | None, normalise: Normaliser
) -> tuple[Tensor, Tensor]:
    """Attend by a plan, from query, key and value (B, h, n, d) and a mask (B, h or 1, n or 1, n or 1).

    Returns:
        The context (B, h, n, d), and which rows may read anything, bool (B or 1, h or 1, n).
    """
    allowed = [_allowed(part, mask) for part in plan.parts]
    rows = reduce(or_, [_scatter(cells.any(-1), part) for cells, part in zip(allowed, plan.parts, strict=True)])
    if len(plan.parts) == 1 and normalise is softmax:
        context = _alone(query, key, value, plan.parts[0], allowed[0])
    else:
        context = _together(query, key, value, plan.parts, allowed, normalise)
    if not len(plan.whole):
        return context, rows
    cells = plan.cells[None, None]
    if mask is not None:
        cells = cells & (mask if mask.shape[2] == 1 else mask[:, :, plan.whole])
    read = scaled_dot_product(query.index_select(2, plan.whole), key, value, cells, None, normalise, need_weights=False)
    return context.index_copy(2, plan.whole, read.context), rows.index_copy(2, plan.whole, cells.any(-1))


def _alone(query: Tensor, key: Tensor, value: Tensor, part: Part, allowed: Tensor) -> Tensor:
    """Attend by softmax over a single part, with torch's own function: (B, h, n, d) three times -> (B, h, n, d)."""
    heads = query.shape[1]
    q, k, v = _gather(query, part.queries), _gather(key, part.keys), _gather(value, part.keys)
    mask = allowed.expand(-1, heads, -1, -1, -1).flatten(1, 2)
    context = F.scaled_dot_product_attention(q.flatten(1, 2), k.flatten(1, 2), v.flatten(1, 2), mask)
    return _scatter(context.unflatten(1, (heads, -1)), part)


def _together(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    parts: tuple[Part, ...],
    allowed: list[Tensor],
    normalise: Normaliser,
) -> Tensor:
    """Attend over all parts at once, whose scores lie side by side as (B, h, n, sum of m)."""
    query = query * query.shape[-1] ** -0.5
    scores, shown = [], []
    for part, cells in zip(parts, allowed, strict=True):
        groups = _gather(query, part.queries) @ _gather(key, part.keys).transpose(3, 4)
        scores.append(_scatter(groups, part))
        shown.append(_scatter(cells, part).expand(len(query), -1, -1, -1))
    weights = normalise(torch.cat(scores, -1), torch.cat(shown, -1))
    shares = weights.split([part.keys.shape[1] for part in parts], -1)
    reads = (_gather(w, part.queries) @ _gather(value, part.keys) for w, part in zip(shares, parts, strict=True))
    return torch.stack([_scatter(read, part) for read, part in zip(reads, parts, strict=True)]).sum(0)
