"""Shaw's relative attention with softmax as one autograd Function: a few passes over cells in the cache.

The gathered form moves each of n x n cells by an index. Here row i's 2 k + 1 offsets are a diagonal band, which is a
view of the cells where their rows are k wider on both sides; all cells left of it have one number, all cells right of
it another. Softmax does not change if a number is added to a whole row, so the left number is subtracted everywhere
and only the right one remains. One chunk of heads is computed at a time, and again in the backward pass.
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
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_table: Tensor,
    value_table: Tensor,
    mask: Tensor | None,
    scale: float = 1.0,
) -> Tensor:
    """Compute the context of `relative_attention` with softmax, for n_q = n_k = n.

    Args:
        query: (B, h, n, d_z).
        key: (B, h, n, d_z).
        value: (B, h, n, d_z).
        key_table: w^K, (2 k + 1, d_z).
        value_table: w^V, (2 k + 1, d_z).
        mask: bool that broadcasts to (B, h, n, n), of four dimensions; or None.
        scale: of the scores; 1 if the query is already divided by sqrt(d_z).

    Returns:
        (B, h, n, d_z), which lies in memory as (B, n, h, d_z), so that the heads are joined at no cost.
    """
    tables = key_table.to(query.dtype), value_table.to(query.dtype)
    context: Tensor = _RelativeSoftmax.apply(query, key, value, *tables, mask, scale)
    return context


class _Cells:
    """Buffers for the cells of a chunk of heads, (heads, n, n + 2 k), of which the middle n columns are real."""

    def __init__(self, like: Tensor, clip: int, heads: int, rooms: int) -> None:
        n = like.shape[2]
        self.n, self.clip = n, clip
        # The last is scratch.
        self.rooms = like.new_empty(rooms + 1, heads, n, n + 2 * clip)
        column = torch.arange(n + 2 * clip, device=like.device)
        self.right = (column - clip > torch.arange(n, device=like.device)[:, None] + clip).to(like.dtype)

    def fill(self, number: int, table: Tensor, shift: Tensor | None = None) -> Tensor:
        """Fill rows with the numbers of their offsets in `table` (heads, n, 2 k + 1), plus `shift` (heads, n, 1)."""
        room = self.rooms[number, : len(table)]
        torch.mul(self.right, table[..., -1:], out=room)
        self.band(room).copy_(table)
        return room if shift is None else room.add_(shift)

    def band(self, room: Tensor) -> Tensor:
        """Return the cells of each offset from -k to k: a view (heads, n, 2 k + 1)."""
        n, wide = self.n, self.n + 2 * self.clip
        return room.as_strided((len(room), n, 2 * self.clip + 1), (n * wide, wide + 1, 1), room.storage_offset())

    def real(self, room: Tensor) -> Tensor:
        """Return the cells of the n keys: a view (heads, n, n)."""
        return room[..., self.clip : self.clip + self.n]

    def by_offset(self, room: Tensor) -> Tensor:
        """Sum the cells by offset, (heads, n, 2 k + 1); cells left of the band are not in the first sum."""
        room[..., : self.clip] = 0
        room[..., self.clip + self.n :] = 0
        sums = self.band(room).clone()
        sums[..., -1] += torch.mul(room, self.right, out=self.rooms[-1, : len(room)]).sum(-1)
        return sums


class _RelativeSoftmax(Function):
    """Autograd function from q, k, v (B, h, n, d_z), two tables, a mask and a scale to the context (B, h, n, d_z)."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w_k: Tensor, w_v: Tensor, mask: Tensor | None, scale: float
    ) -> Tensor:
        """Compute softmax, by powers of 2 since those are cheaper than of e."""
        context, log_sum = _heads_inside(q), q.new_empty(*q.shape[:3], 1)
        # A table less its first row: the row is constant over the keys.
        table_k, table_v = w_k - w_k[0], w_v - w_v[0]
        chunks = _chunks(q)
        cells = _Cells(q, len(w_k) // 2, _most(chunks), rooms=1)
        for some in chunks:
            query = _flat(q[some]) * (scale * math.log2(math.e))
            room = cells.fill(0, query @ table_k.T)
            scores = cells.real(room).baddbmm_(query, _flat(k[some]).transpose(1, 2))
            _hide(scores, mask, some)
            top = scores.amax(-1, keepdim=True).clamp(min=torch.finfo(q.dtype).min)
            room.sub_(top).exp2_()
            total = scores.sum(-1, keepdim=True)
            read = torch.baddbmm(cells.by_offset(room) @ table_v, scores, _flat(v[some]))
            _put(context, some, read.div_(total).add_(w_v[0]))
            _put(log_sum, some, top + total.log2())
        if mask is not None:
            empty = log_sum.isinf()
            context.masked_fill_(empty, 0)
            log_sum.masked_fill_(empty, 0)
        ctx.save_for_backward(q, k, v, w_k, w_v, context, log_sum)
        ctx.mask, ctx.scale = mask, scale
        return context

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients.

        With P the weights and g the context's gradient: dP = g (v + a^V)^T and dE = P (dP - sum_j P dP).
        """
        q, k, v, w_k, w_v, context, log_sum = ctx.saved_tensors
        mask, scale = ctx.mask, ctx.scale
        d_q, d_k, d_v = _heads_inside(q), _heads_inside(q), _heads_inside(q)
        d_wk, d_wv = torch.zeros_like(w_k), torch.zeros_like(w_v)
        table_k, table_v = w_k - w_k[0], w_v - w_v[0]
        chunks = _chunks(q)
        cells = _Cells(q, len(w_k) // 2, _most(chunks), rooms=2)
        for some in chunks:
            query, key, g = _flat(q[some]) * scale, _flat(k[some]), _flat(gradient[some])
            scaled = query * math.log2(math.e)
            weights = cells.fill(0, scaled @ table_k.T, -_flat(log_sum[some]))
            shown = cells.real(weights).baddbmm_(scaled, key.transpose(1, 2))
            _hide(shown, mask, some)
            weights.exp2_()
            _put(d_v, some, shown.transpose(1, 2) @ g)
            by_offset = cells.by_offset(weights)
            by_offset[..., 0] = shown.sum(-1) - by_offset[..., 1:].sum(-1)
            d_wv += by_offset.flatten(0, 1).T @ g.flatten(0, 1)

            mean = (g * (_flat(context[some]) - w_v[0])).sum(-1, keepdim=True)
            scores = cells.fill(1, g @ table_v.T, -mean)
            moved = cells.real(scores).baddbmm_(g, _flat(v[some]).transpose(1, 2))
            scores.mul_(weights)
            by_offset = cells.by_offset(scores)
            by_offset[..., 0] = -by_offset[..., 1:].sum(-1)
            _put(d_q, some, torch.baddbmm(by_offset @ w_k, moved, key, beta=scale, alpha=scale))
            _put(d_k, some, moved.transpose(1, 2) @ query)
            d_wk += by_offset.flatten(0, 1).T @ query.flatten(0, 1)
        return d_q, d_k, d_v, d_wk, d_wv, None, None


_Chunk = tuple[slice, slice]
"""Some of the sentences, and some of their heads."""


def _chunks(q: Tensor) -> list[_Chunk]:
    """Divide q (B, h, n, d_z) into chunks: whole sentences, or some heads of one."""
    sentences, heads, n, _ = q.shape
    count = max(1, (_CELLS if q.device.type == "cpu" else _GPU_CELLS) // n**2)
    step, share = max(1, count // heads), min(count, heads)
    starts = [(b, h) for b in range(0, sentences, step) for h in range(0, heads, share)]
    return [(slice(b, min(b + step, sentences)), slice(h, min(h + share, heads))) for b, h in starts]


def _most(chunks: list[_Chunk]) -> int:
    """Return the number of heads of the largest chunk, which is the first."""
    sentences, heads = chunks[0]
    return int((sentences.stop - sentences.start) * (heads.stop - heads.start))


def _heads_inside(like: Tensor) -> Tensor:
    """Make an empty (B, h, n, d_z), with the memory layout (B, n, h, d_z) of the maps."""
    return like.new_empty(like.shape[0], like.shape[2], like.shape[1], like.shape[3]).transpose(1, 2)


def _flat(x: Tensor) -> Tensor:
    """Copy a chunk (b, h, n, d) to (b h, n, d), which is small enough for the cache."""
    return x.flatten(0, 1).contiguous()


def _put(room: Tensor, some: _Chunk, x: Tensor) -> None:
    """Put a chunk (b h, n, d) at its position in (B, h, n, d)."""
    chosen = room[some]
    chosen.copy_(x.view(chosen.shape))


def _hide(scores: Tensor, mask: Tensor | None, some: _Chunk) -> None:
    """Put minus infinity in a chunk's scores (b h, n, n) where the mask (B or 1, h or 1, n or 1, n or 1) hides."""
    if mask is None:
        return
    chosen = mask[some[0] if len(mask) > 1 else slice(None), some[1] if mask.shape[1] > 1 else slice(None)]
    # Adding is several times faster than filling.
    bias = scores.new_zeros(chosen.shape).masked_fill_(~chosen, float("-inf"))
    heads = some[1].stop - some[1].start
    scores.unflatten(0, (-1, heads)).add_(bias)
