"""The floor of a training step's time: its matrix products alone, at the shapes and in the layouts that it has them.

No step that makes these products can be faster, so the floor's share of the step's time says how much is left to gain.
It is measured in turn with the step, in the same process, since the speed of a machine changes from minute to minute.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_FIRST = {"aten::mm": 0, "aten::bmm": 0, "aten::addmm": 1, "aten::addmm_": 1, "aten::baddbmm": 1}
"""Which argument is the first matrix of a product, by the operator's name."""


class _ProductLog(TorchDispatchMode):
    """Notes the two matrices of each product."""

    pairs: list[tuple[Tensor, Tensor]]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Answer torch's question; True would import its compiler, which takes seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note a product, and compute it."""
        if (first := _FIRST.get(func._schema.name)) is not None:
            self.pairs.append((_alike(args[first]), _alike(args[first + 1])))
        return func(*args, **(kwargs or {}))


def _alike(matrix: Tensor) -> Tensor:
    """Return random numbers in the shape, layout and type of a matrix."""
    return torch.empty_strided(matrix.shape, matrix.stride(), dtype=matrix.dtype, device=matrix.device).normal_()


class ProductFloor:
    """All matrix products of one call of `work`, to be made again without anything between them.

    flops: their floating-point operations.
    """

    def __init__(self, work: Callable[[], int]) -> None:
        """Call `work`, which returns a number of units, and note its products."""
        log = _ProductLog()  # type: ignore[no-untyped-call]
        log.pairs = []
        with log:
            self.units = work()
        self._products = [
            (first, second, first.new_empty(*first.shape[:-1], second.shape[-1])) for first, second in log.pairs
        ]
        self.flops = sum(2 * result.numel() * first.shape[-1] for first, _, result in self._products)

    @torch.no_grad()
    def __call__(self) -> int:
        """Make the products; return the number of units of the work that had them."""
        for first, second, result in self._products:
            torch.matmul(first, second, out=result)
        return self.units
