"""A matrix that a loop multiplies with at each step, and whose gradient is made once, of all steps together.

Step by step autograd would add as many matrices as there are steps, each made of few rows: most of the time that it
takes to learn recurrent weights on a CPU.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

_Steps = list[tuple[Tensor, Tensor]]


class Unrolled:
    """x -> x W^T at each step of one loop; make a new one for each loop."""

    def __init__(self, weight: Tensor) -> None:
        """Take W: (D', D), or several of them (P, D', D) for x (P, B, D)."""
        self._weight = weight
        self._steps: _Steps = []
        self._end = _End.apply(weight, self._steps) if torch.is_grad_enabled() and weight.requires_grad else None

    def __call__(self, x: Tensor) -> Tensor:
        """(..., B, D) -> (..., B, D'), in the precision of W, whatever that of x."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self._weight.dtype)
            if self._end is None:
                return x @ self._weight.mT
            product: Tensor = _Step.apply(x, self._weight, self._end, self._steps)
            return product


class _Step(Function):
    """One product, whose backward pass notes what the gradient of W is made of."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, end: Tensor, steps: _Steps) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.steps = steps
        return x @ weight.mT

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None]:
        x, weight = ctx.saved_tensors
        ctx.steps.append((x, gradient))
        return gradient @ weight, None, gradient.new_zeros(()), None


class _End(Function):
    """Comes before all steps, and so after all of them in the backward pass."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, steps: _Steps) -> Tensor:
        ctx.steps = steps
        return weight.new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.steps:
            return None, None
        x, gradient = (torch.cat(column, -2) for column in zip(*ctx.steps, strict=True))
        ctx.steps.clear()
        return gradient.mT @ x, None
