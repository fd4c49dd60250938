"""DiSAN's token2token attention with softmax as one autograd Function, whose memory is linear in the tokens.

With E = exp(2 (a + k) / c) = exp(2 a / c) exp(2 k / c), a product of numbers that are made once for each token,
tanh((a + k) / c) = 1 - 2 / (1 + E), and so exp(f) = exp(c) exp(-2 c / (1 + E)): a pair costs one product, one
reciprocal and one power. Since |f| <= c, softmax need not subtract a maximum. A block of rows (queries), small enough
for the cache, is computed at a time with the keys that the direction allows, and again in the backward pass.
"""

import math
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from glimpse.agents.attention.masks import DIRECTIONS

# exp(-2 c) must be far above float32's smallest number.
LARGEST_BOUND = 20.0

# Numbers of one block of rows: on a CPU about what a core's cache holds, on a GPU enough to keep it busy.
_CPU_BLOCK = 1 << 18
_GPU_BLOCK = 1 << 24
_warned: list[float] = []


def bounded_softmax(
    head: Tensor, dependent: Tensor, value: Tensor, mask: Tensor | None, direction: str, bound: float
) -> Tensor:
    """Compute the context of `token2token` with softmax.

    2 a / c and 2 k / c are cut at 43 in float32 (350 in float64), where the products would overflow: with c = 5, where
    |a| or |k| is more than 107. A warning says so when it first happens in a process.

    Args:
        head: W_1 q + b, (B, n_q, D).
        dependent: W_2 k, (B, n_k, D).
        value: (B, n_k, D).
        mask: bool that broadcasts to (B, n_q, n_k), or None.
        direction: one of `masks.DIRECTIONS`.
        bound: c, at most LARGEST_BOUND.

    Returns:
        (B, n_q, D), in the type of `value`.
    """
    exact = torch.promote_types(value.dtype, torch.float32)
    head, dependent, wide = head.to(exact), dependent.to(exact), value.to(exact)
    _warn_of_cut(head, dependent, bound)
    block = _CPU_BLOCK if value.device.type == "cpu" else _GPU_BLOCK
    # Sentences at a time: as many as fill a block with a single row.
    count = max(1, block // max(1, value.shape[1] * value.shape[2]))
    mask = None if mask is None else mask.reshape((1,) * (3 - mask.dim()) + mask.shape)
    masks = [mask] * max(1, len(value)) if mask is None or len(mask) == 1 else mask.split(count)
    tokens = zip(head.split(count), dependent.split(count), wide.split(count), masks, strict=False)
    done: list[Tensor] = [_Bounded.apply(a, k, v, m, direction, bound, block) for a, k, v, m in tokens]
    return torch.cat(done).to(value.dtype)


def _warn_of_cut(head: Tensor, dependent: Tensor, bound: float) -> None:
    """Warn, once in a process, if numbers are so large that they are cut; a GPU is not asked, since that would wait."""
    if _warned or not head.numel() or not dependent.numel() or head.device.type != "cpu":
        return
    most = float(torch.maximum(head.detach().abs().amax(), dependent.detach().abs().amax()))
    limit = _limit(head.dtype) * bound / 2
    if most > limit:
        _warned.append(most)
        warnings.warn(
            f"token2token attention has scores of {most:.4g}, which are cut at {limit:.4g}: they are far beyond what "
            f"tanh tells apart (its bound is {bound:g}), so weights are nearly those of larger scores. Lower the "
            "learning rate, or check the inputs' scale",
            stacklevel=2,
        )


def _limit(dtype: torch.dtype) -> float:
    """Return the largest exponent whose power, squared, the type still holds."""
    return math.log(torch.finfo(dtype).max) / 2 - 1


class _Rows:
    """Blocks of rows of some sentences: which keys they read, which of these are hidden, and exp(f).

    Inside, the tokens come first, (n, B, D), so that a key's numbers for all sentences lie together.
    """

    def __init__(self, head: Tensor, dependent: Tensor, mask: Tensor | None, direction: str, c: float, size: int):
        limit = _limit(head.dtype)
        self.query = _tokens_first(head).mul_(2 / c).clamp_(-limit, limit).exp_()
        # -1 / (2 c) - E / (2 c) is what a row makes: its reciprocal is -2 c / (1 + E).
        self.key = _tokens_first(dependent).mul_(2 / c).clamp_(-limit, limit).exp_().mul_(-0.5 / c)
        self.one = self.key.new_full((), -0.5 / c)
        self.n_q, self.n_k, self.direction = len(self.query), len(self.key), direction
        self.rows = max(1, size // max(1, self.key.numel()))
        self.mask = None if mask is None else mask.expand(len(head), -1, -1)
        self.room = [self.key.new_empty(self.rows * self.key.numel()) for _ in range(3)]

    def blocks(self) -> list[tuple[slice, slice]]:
        """Return the queries and the keys of each block that has keys."""
        found = []
        for start in range(0, self.n_q, self.rows):
            stop = min(start + self.rows, self.n_q)
            first = start + 1 if self.direction == "backward" else 0
            last = min(stop - 1, self.n_k) if self.direction == "forward" else self.n_k
            if first < last:
                found.append((slice(start, stop), slice(first, last)))
        return found

    def make(self, queries: slice, keys: slice) -> tuple[Tensor, Tensor]:
        """Compute -2 c / (1 + E), and exp(f) / exp(c), zero where hidden: (rows, keys, B, D) each."""
        shape = (queries.stop - queries.start, keys.stop - keys.start, *self.key.shape[1:])
        r, e = self.view(0, shape), self.view(1, shape)
        torch.addcmul(self.one, self.query[queries, None], self.key[None, keys], out=r).reciprocal_()
        torch.mul(r, math.log2(math.e), out=e).exp2_()
        shown = self.shown(queries, keys)
        return r, e if shown is None else e.mul_(shown)

    def view(self, room: int, shape: tuple[int, ...]) -> Tensor:
        """Return a buffer with a shape; it is reused."""
        return self.room[room][: math.prod(shape)].view(shape)

    def shown(self, queries: slice, keys: slice) -> Tensor | None:
        """Return 1 where a row may read and 0 elsewhere, (rows, keys, B or 1, 1); None where it may read all keys."""
        shown = None
        if self.mask is not None:
            shown = self.mask[:, queries if self.mask.shape[1] > 1 else slice(None), :]
            shown = shown[..., keys if self.mask.shape[2] > 1 else slice(None)].permute(1, 2, 0)
        # A single row forward or backward has its keys cut already.
        if self.rows > 1 or self.direction == "diagonal_disabled":
            i = torch.arange(queries.start, queries.stop, device=self.key.device)[:, None]
            j = torch.arange(keys.start, keys.stop, device=self.key.device)
            allowed = DIRECTIONS[self.direction].allowed(i, j)[..., None]
            shown = allowed if shown is None else shown & allowed
        return None if shown is None else shown[..., None].to(self.key.dtype)


class _Bounded(Function):
    """Autograd function from head (B, n_q, D), dependent and value (B, n_k, D) to the context (B, n_q, D)."""

    @staticmethod
    def forward(
        ctx: Any,
        head: Tensor,
        dependent: Tensor,
        value: Tensor,
        mask: Tensor | None,
        direction: str,
        bound: float,
        size: int,
    ) -> Tensor:
        """Compute s_i = sum_j e_ij v_j / sum_j e_ij."""
        rows, v = _Rows(head, dependent, mask, direction, bound, size), _tokens_first(value)
        context, total = torch.zeros_like(rows.query), torch.zeros_like(rows.query)
        for queries, keys in rows.blocks():
            r, e = rows.make(queries, keys)
            torch.sum(e, 1, out=total[queries])
            torch.sum(torch.mul(e, v[keys], out=r), 1, out=context[queries])
        total.masked_fill_(total == 0, 1)
        context.div_(total)
        ctx.save_for_backward(head, dependent, value, context, total)
        ctx.constant = mask, direction, bound, size
        return context.transpose(0, 1).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients.

        With P = e / sum e and g the gradient of s: dv_j = sum_i P_ij g_i and df_ij = P_ij g_i (v_j - s_i).
        The slope of f is 1 - tanh^2 = 4 E / (1 + E)^2 = -(2 / c) (r + r^2 / (2 c)) with r = -2 c / (1 + E).
        """
        head, dependent, value, context, total = ctx.saved_tensors
        mask, direction, c, size = ctx.constant
        rows, v = _Rows(head, dependent, mask, direction, c, size), _tokens_first(value)
        share = _tokens_first(gradient).div_(total)
        d_head, d_key, d_value = torch.zeros_like(rows.query), torch.zeros_like(v), torch.zeros_like(v)
        for queries, keys in rows.blocks():
            r, e = rows.make(queries, keys)
            e.mul_(share[queries, None])
            d_value[keys] += e.sum(0) if len(e) > 1 else e[0]
            apart = torch.sub(v[keys], context[queries, None], out=rows.view(2, tuple(e.shape)))
            apart.mul_(e).mul_(r.addcmul_(r, r, value=0.5 / c))
            torch.sum(apart, 1, out=d_head[queries])
            d_key[keys] += apart.sum(0) if len(e) > 1 else apart[0]
        found = (x.mul_(scale).transpose(0, 1) for x, scale in ((d_head, -2 / c), (d_key, -2 / c), (d_value, 1)))
        return *found, None, None, None, None


def _tokens_first(x: Tensor) -> Tensor:
    """Copy (B, n, D) to (n, B, D)."""
    return x.transpose(0, 1).clone(memory_format=torch.contiguous_format)
