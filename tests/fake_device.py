"""A stand-in for a GPU: tensors without values, on which whatever would wait for the device is an error.

An operation that mixes devices fails, as on a GPU, and so does each question for a value (`.item()`, `bool(...)`, a
shape that depends on values), for which the host would wait. Copies between host and device are counted.
"""

import io
import pickle
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from glimpse.agents.known_numbers import set_number
from glimpse.envs.text.ragged import Nested, Ragged

_OF_THE_HOST = (None, torch.device("cpu"))
ROOT = str(Path(__file__).parents[1])


class Moves(TorchDispatchMode):
    """Notes each copy between devices for which the host waits, with the lines that asked for it."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Answer torch's question; True would import its compiler, which takes seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation; one that is of the host alone has values."""
        given = tree_leaves((args, kwargs))
        if not any(isinstance(each, FakeTensor) for each in given) and (kwargs or {}).get("device") in _OF_THE_HOST:
            with unset_fake_temporarily():
                return func(*args, **(kwargs or {}))
        result = func(*args, **(kwargs or {}))
        copied = {"aten::_to_copy": 0, "aten::copy_": 1}.get(func.name().partition(".")[0])
        waits = not (kwargs or {}).get("non_blocking", False) or result.device.type == "cpu"
        if copied is not None and waits and args[copied].device.type != result.device.type:
            lines = [
                f"{Path(frame.filename).name}:{frame.lineno}"
                for frame in traceback.extract_stack()
                if frame.filename.startswith(ROOT) and "site-packages" not in frame.filename
            ]
            self.found.append(f"{args[copied].device.type} to {result.device.type}, {' '.join(lines[-3:])}")
        return result


@contextmanager
def fake_device(*made: Any, device: str) -> Iterator[tuple[Any, Moves]]:
    """Give copies of objects whose tensors are on a device that is not there, for a block that runs on it.

    Args:
        *made: objects on the CPU, such as an agent and its environment; they are copied by pickle.
        device: "cuda", where nothing can be differentiated without a GPU; or "meta", where code takes a GPU's ways and
            gradients flow.

    Yields:
        The copies, and what was copied between devices within the block.
    """
    written = io.BytesIO()
    pickler = _Pickler(written)
    pickler.dump(made)
    mode, moves = FakeTensorMode(allow_non_fake_inputs=True), Moves()
    copies = _Unpickler(io.BytesIO(written.getvalue()), pickler.kept, mode, torch.device(device)).load()
    with ExitStack() as stack:
        # Without a GPU, cuDNN cannot be asked whether it has a kernel.
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        # Autocast does not know the device of tensors without values.
        known = torch.is_autocast_enabled
        stack.enter_context(patch.object(torch, "is_autocast_enabled", lambda kind: kind != "meta" and known(kind)))
        autocast = torch.autocast
        known_here = lambda kind, **options: nullcontext() if kind == "meta" else autocast(kind, **options)  # noqa: E731
        stack.enter_context(patch.object(torch, "autocast", known_here))
        stack.enter_context(mode)
        stack.enter_context(moves)
        yield copies, moves


class _Pickler(pickle.Pickler):
    """Leaves out tensors and ragged texts, which it keeps, and devices."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.kept: list[Tensor | Ragged | Nested] = []
        self._numbers: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | str | None:
        if isinstance(obj, torch.device):
            return "device"
        if not isinstance(obj, Tensor | Ragged | Nested):
            return None
        if id(obj) not in self._numbers:
            self._numbers[id(obj)] = len(self.kept)
            self.kept.append(obj)
        return self._numbers[id(obj)]


class _Unpickler(pickle.Unpickler):
    """Puts tensors without values in their places, each in all places where it was."""

    def __init__(
        self, file: io.BytesIO, kept: list[Tensor | Ragged | Nested], mode: FakeTensorMode, device: torch.device
    ) -> None:
        super().__init__(file)
        self._kept, self._mode, self._device = kept, mode, device
        self._made: dict[int, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        if pid == "device":
            return self._device
        if pid not in self._made:
            self._made[pid] = self._on_device(self._kept[pid])
        return self._made[pid]

    def _on_device(self, like: Any) -> Any:
        """Return a tensor without values; or ragged texts, of which the host keeps the lengths."""
        if isinstance(like, Ragged):
            return replace(like, tokens=self._on_device(like.tokens), offsets=self._on_device(like.offsets))
        if isinstance(like, Nested):
            return replace(like, sentences=self._on_device(like.sentences), offsets=self._on_device(like.offsets))
        value = None if like.dim() else like.item()
        with self._mode:
            made = torch.empty_strided(like.shape, like.stride(), dtype=like.dtype, device=self._device)
            if value is not None:
                set_number(made, value)  # The host knows it as it did.
        return nn.Parameter(made, like.requires_grad) if isinstance(like, nn.Parameter) else made
