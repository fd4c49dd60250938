"""Normalisers, which turn scores into weights: masked softmax, sparsemax, entmax and top-k, with exact gradients.

A normaliser is called `(scores, mask, dim)` with a bool mask that broadcasts, True = may be read, or None. Weights
are at least 0 and add up to 1, and to 0 where a row has nothing to read.

Alpha-entmax (Peters, Niculae and Martins, 2019) is argmax over p of p . z + H_alpha(p): p = [(alpha - 1) z -
tau]_+^(1 / (alpha - 1)), with tau such that p adds up to 1. It is softmax for alpha 1 and sparsemax for 2.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch
from pydantic import TypeAdapter
from torch import Tensor
from torch.autograd import Function

from glimpse.agents.attention.options import EntmaxOptions, NormaliserOptions, TopKOptions
from glimpse.agents.ordering import largest_first


class Normaliser(Protocol):
    """Function from scores (...) and a mask that broadcasts to them to weights (...), normalised over `dim`."""

    def __call__(self, scores: Tensor, mask: Tensor | None, dim: int = -1) -> Tensor:
        """Return the weights."""
        ...


def softmax(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """Compute softmax over what may be read."""
    return _masked(lambda shown: shown.softmax(dim), scores, mask)


def sparsemax(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """Compute the nearest point of the simplex (Martins and Astudillo, 2016), by sorting."""
    return _masked(lambda shown: _Entmax.apply(shown, 2.0, _sparsemax, dim), scores, mask)


def entmax15(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """Compute entmax with alpha 1.5, by sorting (Peters et al., 2019, algorithm 2)."""
    return _masked(lambda shown: _Entmax.apply(shown, 1.5, _entmax15, dim), scores, mask)


def entmax(scores: Tensor, mask: Tensor | None = None, dim: int = -1, *, alpha: float) -> Tensor:
    """Compute entmax with any alpha >= 1, by bisection (Peters et al., 2019, algorithm 1)."""
    if alpha == 1:
        return softmax(scores, mask, dim)
    solve = partial(_bisected, alpha=alpha)
    return _masked(lambda shown: _Entmax.apply(shown, alpha, solve, dim), scores, mask)


def topk(scores: Tensor, mask: Tensor | None = None, dim: int = -1, *, k: int) -> Tensor:
    """Compute softmax over the k largest scores of what may be read, k of them even where some are equal."""

    def largest(shown: Tensor) -> Tensor:
        if torch.compiler.is_exporting():  # A row may be shorter than k.
            rank = largest_first(shown, dim).argsort(dim)
            return shown.masked_fill(rank >= k, torch.finfo(shown.dtype).min).softmax(dim)
        best = shown.topk(min(k, shown.shape[dim]), dim)
        return torch.zeros_like(shown).scatter(dim, best.indices, best.values.softmax(dim))

    return _masked(largest, scores, mask)


def make_normaliser(options: NormaliserOptions | str) -> Normaliser:
    """Make the normaliser of a name or of options.

    Raises:
        ValueError: if the name is unknown, or a number is out of range.
    """
    chosen: NormaliserOptions = TypeAdapter(NormaliserOptions).validate_python(options)
    if isinstance(chosen, EntmaxOptions):
        return partial(entmax, alpha=chosen.alpha)
    if isinstance(chosen, TopKOptions):
        return partial(topk, k=chosen.k)
    return {"softmax": softmax, "sparsemax": sparsemax, "entmax15": entmax15}[chosen.kind]


def _masked(normalise: Callable[[Tensor], Tensor], scores: Tensor, mask: Tensor | None) -> Tensor:
    """Apply a normaliser under a mask: hidden scores are a finite number, so that an empty row is not NaN."""
    if not scores.numel():
        return scores
    if mask is None:
        return normalise(scores)
    weights = normalise(scores.masked_fill(~mask, torch.finfo(scores.dtype).min))
    return weights.masked_fill(~mask, 0)


class _Entmax(Function):
    """Autograd function of entmax, by a given solver.

    Its Jacobian is diag(s) - s s^T / sum(s) with s = p^(2 - alpha) where p > 0.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, alpha: float, solve: Callable[[Tensor], Tensor], dim: int) -> Tensor:
        """Compute weights of scores."""
        z = scores.movedim(dim, -1).to(torch.promote_types(scores.dtype, torch.float32))
        p = solve(z - z.amax(-1, keepdim=True))
        p = (p / p.sum(-1, keepdim=True)).movedim(-1, dim).to(scores.dtype)
        ctx.save_for_backward(p)
        ctx.alpha, ctx.dim = alpha, dim
        return p

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Compute the gradient of the scores from that of the weights."""
        # Small weights have large negative powers, which half precision does not hold.
        p = ctx.saved_tensors[0].to(torch.promote_types(gradient.dtype, torch.float32))
        s = torch.where(p > 0, p, 1) ** (2 - ctx.alpha) * (p > 0)
        mean = (s * gradient).sum(ctx.dim, keepdim=True) / s.sum(ctx.dim, keepdim=True)
        return (s * (gradient - mean)).to(gradient.dtype), None, None, None


def _sparsemax(z: Tensor) -> Tensor:
    """Compute entmax of z (..., n), whose largest is 0, for alpha 2."""
    # What is 1 below the largest, or more, has no weight whatever tau: to cut there keeps all numbers small.
    z = z.clamp(min=-1)
    ordered = z.sort(-1, descending=True).values
    excess = ordered.cumsum(-1) - 1
    count = (_ranks(z) * ordered > excess).sum(-1, keepdim=True).clamp(min=1)  # 0 only for NaN, which stays NaN.
    return (z - excess.gather(-1, count - 1) / count).clamp(min=0)


def _entmax15(z: Tensor) -> Tensor:
    """Compute entmax of z (..., n), whose largest is 0, for alpha 1.5."""
    z = (z / 2).clamp(min=-1)
    ordered, rank = z.sort(-1, descending=True).values, _ranks(z)
    mean = ordered.cumsum(-1) / rank
    spread = (ordered**2).cumsum(-1) - rank * mean**2
    # No tau is below -1; what rounding takes from it would leave dust where z was cut.
    tau = (mean - ((1 - spread) / rank).clamp(min=0).sqrt()).clamp(min=-1)
    count = (tau <= ordered).sum(-1, keepdim=True).clamp(min=1)  # 0 only for NaN, which stays NaN.
    return (z - tau.gather(-1, count - 1)).clamp(min=0) ** 2


def _bisected(z: Tensor, alpha: float) -> Tensor:
    """Compute entmax of z (..., n), whose largest is 0, for any alpha > 1.

    With tau = (alpha - 1) u - 1 it is p = [1 + (alpha - 1) (z - u)]_+^(1 / (alpha - 1)), which for alpha near 1 is near
    exp(z - u), and exact there too. The largest p lies between 1 / n and 1, and so u in [0, (1 - n^(1 - alpha)) /
    (alpha - 1)].
    """
    slope = alpha - 1

    def power(x: Tensor) -> Tensor:
        return ((slope * x).clamp(min=-1).log1p() / slope).exp()

    low = torch.zeros_like(z[..., :1])
    if torch.compiler.is_exporting():
        high = -(-slope * torch.ones_like(z).sum(-1, keepdim=True).log()).expm1() / slope
    else:
        high = low - math.expm1(-slope * math.log(z.shape[-1])) / slope
    for _ in range(60 if z.dtype == torch.float64 else 30):
        middle = (low + high) / 2
        too_low = power(z - middle).sum(-1, keepdim=True) >= 1
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return power(z - low)


def _ranks(z: Tensor) -> Tensor:
    """Return 1 to n, in the type of z (..., n)."""
    return torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
