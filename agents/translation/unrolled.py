"""Linear map of a recurrent loop, whose weight gradient is computed once for all steps.

By default autograd computes and adds one weight gradient per step, each from few rows. On a CPU this is most of the
time of training recurrent weights.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

_Recorded = list[tuple[Tensor, Tensor]]


class UnrolledLinear:
    """Map x -> x W^T at each step of one loop; make a new object for each loop."""

    def __init__(self, weight: Tensor) -> None:
        """Take W, (D', D), or P of them, (P, D', D), for x (P, B, D)."""
        self._weight = weight
        self._steps: _Recorded = []
        self._gradient = (
            _WeightGradient.apply(weight, self._steps) if torch.is_grad_enabled() and weight.requires_grad else None
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Map (..., B, D) -> (..., B, D'), in the precision of W whatever that of x."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self._weight.dtype)
            if self._gradient is None:
                return x @ self._weight.mT
            product: Tensor = _Product.apply(x, self._weight, self._gradient, self._steps)
            return product


class _Product(Function):
    """One product; its backward pass records its share of the gradient of W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, end: Tensor, steps: _Recorded) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.steps = steps
        return x @ weight.mT

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None]:
        x, weight = ctx.saved_tensors
        ctx.steps.append((x, gradient))
        return gradient @ weight, None, gradient.new_zeros(()), None


class _WeightGradient(Function):
    """Source of a zero that all products depend on, so that its backward pass comes after all of theirs."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, steps: _Recorded) -> Tensor:
        ctx.steps = steps
        return weight.new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.steps:
            return None, None
        x, gradient = (torch.cat(column, -2) for column in zip(*ctx.steps, strict=True))
        ctx.steps.clear()
        return gradient.mT @ x, None
