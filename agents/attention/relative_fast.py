"""Shaw's relative attention with softmax as one autograd Function: a few passes over cells that stay in the cache.

The gathered form moves each of n x n cells by an index. Here row i's 2 k + 1 offsets are a diagonal band, which is a
view of the cells where their rows are k wider on both sides; all cells left of it have one number, all cells right of
it another. Softmax does not feel what is added to a whole row, so that the left number is taken off everywhere
and only the right one remains. A chunk of heads is made at a time, and made anew in the backward pass.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

# Cells in a chunk: on a CPU a mebibyte of float32, about what a core's cache holds, on a GPU enough to keep it busy.
_CELLS = 1 << 18
_GPU_CELLS = 1 << 26


def relative_softmax(
    query: Tensor, key: Tensor, value: Tensor, key_table: Tensor, value_table: Tensor, mask: Tensor | None
) -> Tensor:
    """The context of `relative_attention` with softmax and n_q = n_k = n.

    Args:
        query: (B, h, n, d_z), already divided by sqrt(d_z).
        key: (B, h, n, d_z).
        value: (B, h, n, d_z).
        key_table: w^K, (2 k + 1, d_z).
        value_table: w^V, (2 k + 1, d_z).
        mask: bool that broadcasts to (B, h, n, n), or None.

    Returns:
        (B, h, n, d_z).
    """
    tables = key_table.to(query.dtype), value_table.to(query.dtype)
    context: Tensor = _RelativeSoftmax.apply(
        query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), *tables, mask, query.shape[1]
    )
    return context.view_as(query)


class _Cells:
    """Rooms for the cells of a chunk of heads, (heads, n, n + 2 k), of which the middle n columns are real."""

    def __init__(self, like: Tensor, clip: int, heads: int, rooms: int) -> None:
        n = like.shape[1]
        self.n, self.clip = n, clip
        # The last is scratch.
        self.rooms = like.new_empty(rooms + 1, heads, n, n + 2 * clip)
        column = torch.arange(n + 2 * clip, device=like.device)
        self.right = (column - clip > torch.arange(n, device=like.device)[:, None] + clip).to(like.dtype)

    def fill(self, number: int, table: Tensor, shift: Tensor | None = None) -> Tensor:
        """Row i begins as the numbers of its offsets in `table` (heads, n, 2 k + 1), plus `shift` (heads, n, 1)."""
        room = self.rooms[number, : len(table)]
        torch.mul(self.right, table[..., -1:], out=room)
        self.band(room).copy_(table)
        return room if shift is None else room.add_(shift)

    def band(self, room: Tensor) -> Tensor:
        """The cells of each offset from -k to k: a view (heads, n, 2 k + 1)."""
        n, wide = self.n, self.n + 2 * self.clip
        return room.as_strided((len(room), n, 2 * self.clip + 1), (n * wide, wide + 1, 1), room.storage_offset())

    def real(self, room: Tensor) -> Tensor:
        """The cells of the n keys: a view (heads, n, n)."""
        return room[..., self.clip : self.clip + self.n]

    def by_offset(self, room: Tensor) -> Tensor:
        """Added up by offset: (heads, n, 2 k + 1); what is left of the band is not in the first."""
        room[..., : self.clip] = 0
        room[..., self.clip + self.n :] = 0
        sums = self.band(room).clone()
        sums[..., -1] += torch.mul(room, self.right, out=self.rooms[-1, : len(room)]).sum(-1)
        return sums


class _RelativeSoftmax(Function):
    """(B h, n, d_z) three times, two tables, a mask and h -> context (B h, n, d_z)."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w_k: Tensor, w_v: Tensor, mask: Tensor | None, heads: int
    ) -> Tensor:
        """Softmax, by powers of 2 since those are cheaper than of e."""
        context, log_sum = torch.empty_like(q), q.new_empty(*q.shape[:2], 1)
        # A table less its first row: the row is constant over the keys.
        table_k, table_v = w_k - w_k[0], w_v - w_v[0]
        chunk, hidden = _chunks(q, mask, heads)
        cells = _Cells(q, len(w_k) // 2, chunk, rooms=1)
        for some in _slices(len(q), chunk):
            query = q[some] * math.log2(math.e)
            room = cells.fill(0, query @ table_k.T)
            scores = cells.real(room).baddbmm_(query, k[some].transpose(1, 2))
            _hide(scores, hidden, some, heads)
            top = scores.amax(-1, keepdim=True).clamp(min=torch.finfo(q.dtype).min)
            room.sub_(top).exp2_()
            total = scores.sum(-1, keepdim=True)
            read = torch.baddbmm(cells.by_offset(room) @ table_v, scores, v[some])
            context[some] = read.div_(total).add_(w_v[0])
            log_sum[some] = top + total.log2()
        if mask is not None:
            empty = log_sum.isinf()
            context.masked_fill_(empty, 0)
            log_sum.masked_fill_(empty, 0)
        ctx.save_for_backward(q, k, v, w_k, w_v, context, log_sum)
        ctx.mask, ctx.heads = mask, heads
        return context

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """With P the weights and g the context's gradient: dP = g (v + a^V)^T, dE = P (dP - sum_j P dP)."""
        q, k, v, w_k, w_v, context, log_sum = ctx.saved_tensors
        d_q, d_k, d_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        d_wk, d_wv = torch.zeros_like(w_k), torch.zeros_like(w_v)
        table_k, table_v = w_k - w_k[0], w_v - w_v[0]
        chunk, hidden = _chunks(q, ctx.mask, ctx.heads)
        cells = _Cells(q, len(w_k) // 2, chunk, rooms=2)
        for some in _slices(len(q), chunk):
            query, g = q[some] * math.log2(math.e), gradient[some]
            weights = cells.fill(0, query @ table_k.T, -log_sum[some])
            shown = cells.real(weights).baddbmm_(query, k[some].transpose(1, 2))
            _hide(shown, hidden, some, ctx.heads)
            weights.exp2_()
            d_v[some] = shown.transpose(1, 2) @ g
            by_offset = cells.by_offset(weights)
            by_offset[..., 0] = shown.sum(-1) - by_offset[..., 1:].sum(-1)
            d_wv += by_offset.flatten(0, 1).T @ g.flatten(0, 1)

            mean = (g * (context[some] - w_v[0])).sum(-1, keepdim=True)
            scores = cells.fill(1, g @ table_v.T, -mean)
            moved = cells.real(scores).baddbmm_(g, v[some].transpose(1, 2))
            scores.mul_(weights)
            by_offset = cells.by_offset(scores)
            by_offset[..., 0] = -by_offset[..., 1:].sum(-1)
            d_q[some] = torch.baddbmm(by_offset @ w_k, moved, k[some])
            d_k[some] = moved.transpose(1, 2) @ q[some]
            d_wk += by_offset.flatten(0, 1).T @ q[some].flatten(0, 1)
        return d_q, d_k, d_v, d_wk, d_wv, None, None


def _slices(heads: int, chunk: int) -> list[slice]:
    """Of `heads` heads, so many at a time."""
    return [slice(start, min(start + chunk, heads)) for start in range(0, heads, chunk)]


def _chunks(q: Tensor, mask: Tensor | None, heads: int) -> tuple[int, Tensor | None]:
    """How many heads a chunk has; and what the mask (B, h, n, n) hides."""
    most = _CELLS if q.device.type == "cpu" else _GPU_CELLS
    chunk = max(1, min(len(q), most // q.shape[1] ** 2))
    return chunk, None if mask is None else ~mask.expand(len(q) // heads, *mask.shape[-3:])


def _hide(scores: Tensor, hidden: Tensor | None, some: slice, heads: int) -> None:
    """Put minus infinity where the mask hides."""
    if hidden is None:
        return
    head = torch.arange(some.start, some.stop, device=scores.device)
    scores.masked_fill_(hidden[head // heads, head % heads % hidden.shape[1]], float("-inf"))
