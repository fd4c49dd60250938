"""Recording of a rollout: layers write the outputs of all steps side by side, so that learning has them in one tensor.

While a rollout is recorded no gradients are needed, and weights do not change. So a layer may cast its weights once, to
the type of the products, and compute straight into its place in a tensor of all steps. Outputs are those of the layer's
plain `forward`.

Axes: T steps, B episodes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Recordable(nn.Module, ABC):
    """Layer that has a faster way to take the steps of a recorded rollout.

    recorder: takes the steps of the present rollout in place of `forward`; None outside of rollouts.
    """

    recorder: Any = None

    @abstractmethod
    def make_recorder(self, steps: int) -> Any:
        """Return what takes the T steps of a rollout."""


@contextmanager
def recording(agent: nn.Module, steps: int) -> Iterator[None]:
    """Record a rollout of at most T steps, in which each layer is used once a step, without gradients.

    In a graph that is being compiled, layers stay as they are.
    """
    layers = [] if torch.compiler.is_compiling() else _recordable_layers(agent)
    try:
        for layer in layers:
            layer.recorder = layer.make_recorder(steps)
        yield
    finally:
        for layer in layers:
            layer.recorder = None


def _recordable_layers(agent: nn.Module) -> list[Recordable]:
    """Return an agent's layers of this kind. The agent keeps the list: to search it takes as long as a small layer."""
    kept = vars(agent)
    if "recordable_layers" not in kept:
        kept["recordable_layers"] = [module for module in agent.modules() if isinstance(module, Recordable)]
    layers: list[Recordable] = kept["recordable_layers"]
    return layers


def product_type(weight: Tensor) -> torch.dtype:
    """Return the type in which a weight is multiplied: that of autocast where it is on."""
    kind = weight.device.type
    casts = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if casts else weight.dtype


class StepRows:
    """Tensors (T, B, width), by name, of which each step writes a row (B, width)."""

    def __init__(self, steps: int, widths: dict[str, int]) -> None:
        """Make room for T steps, once the number of lanes is known."""
        self._steps, self._widths = steps, widths
        self._lanes: int | None = None
        self._left: list[dict[str, Tensor]] = []  # rows of the steps to come, the next one last

    def fit(self, source: Tensor) -> bool:
        """Return whether there is room for a step with this input, (B, ...)."""
        if source.dim() != 2:
            return False
        return self._lanes is None or (self._lanes == source.shape[0] and bool(self._left))

    def next(self, lanes: int, like: Tensor) -> dict[str, Tensor]:
        """Return the next step's rows, of the type and on the device of `like`."""
        if self._lanes is None:
            self._lanes = lanes
            rows = [like.new_empty(self._steps, lanes, width).unbind() for width in self._widths.values()]
            self._left = [dict(zip(self._widths, step, strict=True)) for step in zip(*rows, strict=True)][::-1]
        return self._left.pop()


def stack_steps(steps: Sequence[Tensor]) -> Tensor:
    """Return T tensors (B, ...) as one (T, B, ...), without a copy if they lie at even distances in one tensor."""
    if torch.compiler.is_compiling():  # Graphs have no memory to look at.
        return torch.stack(list(steps))
    every, row = steps[0]._base, steps[0]
    apart = steps[1].storage_offset() - row.storage_offset() if len(steps) > 1 else 0
    if every is None or apart <= 0:
        return torch.stack(list(steps))
    shape, strides = row.shape, row.stride()
    for number, step in enumerate(steps):
        at = row.storage_offset() + number * apart
        if step._base is not every or step.storage_offset() != at or step.shape != shape or step.stride() != strides:
            return torch.stack(list(steps))
    return every.as_strided((len(steps), *shape), (apart, *strides), row.storage_offset())
