"""Memory that an agent's weights need, counted while they are made, so that too many are refused in time."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from glimpse.config.experiment import Experiment
from glimpse.envs.data.free_memory import free_memory
from glimpse.errors import UserError

TRAINED_COPIES = 5
"""How often a training holds the weights: with their gradients, Adam's two moments, and their average."""
_MAKERS = frozenset(
    getattr(torch.ops.aten, name).default if name != "empty" else torch.ops.aten.empty.memory_format
    for name in ("empty", "zeros", "ones", "rand", "randn", "full")
)
_SHARE = 0.9
"""Share of the free memory that they may take."""


class WeightsLimit(TorchDispatchMode):
    """Context that counts the numbers of new tensors, and refuses an agent whose weights do not fit into memory.

    The system promises more memory than it has, and ends the process when it is used; so it is not asked.
    """

    def __init__(self, experiment: Experiment, copies: int) -> None:
        """Begin to count; each number is held `copies` times."""
        TorchDispatchMode.__init__(self)
        self._experiment, self._bytes_each, self._numbers = experiment, 4 * copies, 0
        self._free = free_memory()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Answer torch's question; True would import its compiler, which takes longer than most predictions."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count the numbers of a tensor before it is made.

        Raises:
            UserError: if the weights so far do not fit.
        """
        if func in _MAKERS and args:
            self._numbers += math.prod(args[0])
            if self._free is not None and self._numbers * self._bytes_each > _SHARE * self._free:
                raise self._too_many(self._free)
        return func(*args, **(kwargs or {}))

    def _too_many(self, free: int) -> UserError:
        needed = self._numbers * self._bytes_each / 1e9
        agent = self._experiment.agent
        largest = sorted(_sizes(agent.model_dump(), "agent"), key=lambda size: -size[1])[:3]
        lower = ", ".join(f"{key} ({value})" for key, value in largest)
        return UserError(
            f"the weights of agent {agent.name!r} are {self._numbers:,} numbers or more, which need {needed:,.1f} GB "
            f"of memory in all, and {free / 1e9:,.1f} GB are free. Lower {lower}"
        )


def _sizes(options: dict[str, Any], above: str) -> Iterator[tuple[str, int]]:
    """Yield the keys of whole numbers in options, and the largest value of each."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield from _sizes(value, f"{above}.{key}")
        whole = [each for each in (value if isinstance(value, tuple) else (value,)) if type(each) is int]
        if whole:
            yield f"{above}.{key}", max(whole)
