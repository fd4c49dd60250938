"""Fixtures for the tests of environments."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Operations(TorchDispatchMode):
    """Records the tensor operations, and the bytes that their results allocate."""

    def __init__(self) -> None:
        """Begin with an empty record."""
        TorchDispatchMode.__init__(self)
        self.names: list[str] = []
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and record it."""
        result = func(*args, **(kwargs or {}))
        self.names.append(func.overloadpacket.__name__)
        if self.names[-1].startswith("index") and any(_is_mask(leaf) for leaf in tree_leaves(args[1:])):
            self.names.append("nonzero")
        given = {_memory(leaf).data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        made = [_memory(leaf) for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.bytes += sum(memory.nbytes() for memory in made if memory.data_ptr() not in given)
        return result


def _memory(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def _is_mask(argument: object) -> bool:
    """Return whether an index is a mask, whose values decide the size of the result."""
    return isinstance(argument, Tensor) and argument.dtype == torch.bool


@pytest.fixture
def trace() -> Callable[[Callable[[], object]], Operations]:
    """Return a function that calls something twice and records the second call; constants are made in the first."""

    def call(something: Callable[[], object]) -> Operations:
        something()
        operations = Operations()
        with operations:
            something()
        assert operations.names
        return operations

    return call
