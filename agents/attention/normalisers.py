"""Scores to weights: softmax, sparsemax, entmax and top-k, masked, over any dimension, with exact gradients.

A normaliser is called `(scores, mask, dim)` with a bool mask that broadcasts, True = may be read, or None. Weights
are at least 0 and add up to 1, and to 0 where a row has nothing to read.

Alpha-entmax (Peters, Niculae and Martins, 2019) is argmax over p of p . z + H_alpha(p): p = [(alpha - 1) z -
tau]_+^(1 / (alpha - 1)), with tau such that p adds up to 1. It is softmax for alpha 1 and sparsemax for 2.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch
from pydantic import TypeAdapter
from torch import Tensor
from torch.autograd import Function

from glimpse.agents.attention.options import EntmaxOptions, NormaliserOptions, TopKOptions


class Normaliser(Protocol):
    """Scores (...) and a mask that broadcasts to them -> weights (...), normalised over `dim`."""

    def __call__(self, scores: Tensor, mask: Tensor | None, dim: int = -1) -> Tensor:
        """Normalise."""
        ...


def softmax(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """Softmax over what may be read."""
    return _masked(lambda shown: shown.softmax(dim), scores, mask)


def sparsemax(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """The nearest point of the simplex (Martins and Astudillo, 2016), by sorting."""
    return _masked(lambda shown: _Entmax.apply(shown, 2.0, _sparsemax_threshold, dim), scores, mask)


def entmax15(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """Entmax with alpha 1.5, by sorting (Peters et al., 2019, algorithm 2)."""
    return _masked(lambda shown: _Entmax.apply(shown, 1.5, _entmax15_threshold, dim), scores, mask)


def entmax(scores: Tensor, mask: Tensor | None = None, dim: int = -1, *, alpha: float) -> Tensor:
    """Entmax with any alpha >= 1, by bisection (Peters et al., 2019, algorithm 1)."""
    if alpha == 1:
        return softmax(scores, mask, dim)
    threshold = partial(_bisected_threshold, alpha=alpha)
    return _masked(lambda shown: _Entmax.apply(shown, alpha, threshold, dim), scores, mask)


def topk(scores: Tensor, mask: Tensor | None = None, dim: int = -1, *, k: int) -> Tensor:
    """Softmax over the k largest scores of what may be read; of equal ones, k all the same."""

    def largest(shown: Tensor) -> Tensor:
        best = shown.topk(min(k, shown.shape[dim]), dim)
        return torch.zeros_like(shown).scatter(dim, best.indices, best.values.softmax(dim))

    return _masked(largest, scores, mask)


def make_normaliser(options: NormaliserOptions | str) -> Normaliser:
    """The normaliser of a name or of options.

    Raises:
        ValueError: the name is unknown, or a number out of range.
    """
    chosen: NormaliserOptions = TypeAdapter(NormaliserOptions).validate_python(options)
    if isinstance(chosen, EntmaxOptions):
        return partial(entmax, alpha=chosen.alpha)
    if isinstance(chosen, TopKOptions):
        return partial(topk, k=chosen.k)
    return {"softmax": softmax, "sparsemax": sparsemax, "entmax15": entmax15}[chosen.kind]


def _masked(normalise: Callable[[Tensor], Tensor], scores: Tensor, mask: Tensor | None) -> Tensor:
    """Hide cells before and after: before with a finite number, so that a row without any is not NaN."""
    if mask is None:
        return normalise(scores)
    weights = normalise(scores.masked_fill(~mask, torch.finfo(scores.dtype).min))
    return weights.masked_fill(~mask, 0)


class _Entmax(Function):
    """Entmax by a threshold; J = diag(s) - s s^T / sum(s) with s = p^(2 - alpha) where p > 0."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, alpha: float, threshold: Callable[[Tensor], Tensor], dim: int) -> Tensor:
        """Scores -> weights."""
        z = scores.movedim(dim, -1).to(torch.promote_types(scores.dtype, torch.float32))
        # Where z is 1 below the largest or more, p is 0 whatever tau: to cut there keeps all numbers small.
        z = ((alpha - 1) * (z - z.amax(-1, keepdim=True))).clamp(min=-1)
        p = (z - threshold(z)).clamp(min=0) ** (1 / (alpha - 1))
        p = (p / p.sum(-1, keepdim=True)).movedim(-1, dim).to(scores.dtype)
        ctx.save_for_backward(p)
        ctx.alpha, ctx.dim = alpha, dim
        return p

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Gradient of the weights -> of the scores."""
        (p,) = ctx.saved_tensors
        s = torch.where(p > 0, p, 1) ** (2 - ctx.alpha) * (p > 0)
        mean = (s * gradient).sum(ctx.dim, keepdim=True) / s.sum(ctx.dim, keepdim=True)
        return s * (gradient - mean), None, None, None


def _sparsemax_threshold(z: Tensor) -> Tensor:
    """Tau (..., 1) of z (..., n), whose largest is 0."""
    ordered = z.sort(-1, descending=True).values
    excess = ordered.cumsum(-1) - 1
    count = (_ranks(z) * ordered > excess).sum(-1, keepdim=True)
    return excess.gather(-1, count - 1) / count


def _entmax15_threshold(z: Tensor) -> Tensor:
    """Tau (..., 1) of z (..., n), whose largest is 0."""
    ordered, rank = z.sort(-1, descending=True).values, _ranks(z)
    mean = ordered.cumsum(-1) / rank
    spread = (ordered**2).cumsum(-1) - rank * mean**2
    tau = mean - ((1 - spread) / rank).clamp(min=0).sqrt()
    count = (tau <= ordered).sum(-1, keepdim=True)
    return tau.gather(-1, count - 1)


def _bisected_threshold(z: Tensor, alpha: float) -> Tensor:
    """Tau (..., 1) of z (..., n), whose largest is 0: it lies in [-1, -n^(1 - alpha)]."""
    power = 1 / (alpha - 1)
    low, high = torch.full_like(z[..., :1], -1), torch.full_like(z[..., :1], -(z.shape[-1] ** (1 - alpha)))
    for _ in range(60 if z.dtype == torch.float64 else 30):
        middle = (low + high) / 2
        too_low = ((z - middle).clamp(min=0) ** power).sum(-1, keepdim=True) >= 1
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return low


def _ranks(z: Tensor) -> Tensor:
    """1 to n, in the type of z (..., n)."""
    return torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
