"""Fixtures for the tests of environments."""

import os
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from glimpse.envs import ENVIRONMENTS, lane_random


class Operations(TorchDispatchMode):
    """Records the tensor operations, and the bytes that their results allocate."""

    def __init__(self) -> None:
        """Begin with an empty record."""
        TorchDispatchMode.__init__(self)
        self.names: list[str] = []
        self.bytes = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Answer torch's question; True would import its compiler, which takes seconds."""
        return False

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
def trace(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], Operations]:
    """Return a function that calls something twice and records the second call; constants are made in the first.

    Few random numbers are drawn by tensors too, as on other devices.
    """
    monkeypatch.setattr(lane_random, "FEW", 0)

    def call(something: Callable[[], object]) -> Operations:
        something()
        operations = Operations()
        with operations:
            something()
        assert operations.names
        return operations

    return call


OPINIONS = Path(__file__).parent / "text" / "opinions.tsv"
QUESTIONS = Path(__file__).parent / "documents" / "questions.jsonl"


def _options_of(name: str) -> dict[str, Any]:
    """Return options that need no download.

    The fields of an environment's options tell which data it takes: questions have documents, parallel texts have a
    tokenizer, texts have word vectors, all others are images. Image data are real if GLIMPSE_DATA has them, otherwise
    the digits.
    """
    known, defaults = resolve_name(ENVIRONMENTS[name].options).model_fields, ENVIRONMENTS[name].defaults
    if "data" not in known:
        return {}
    if "documents" in known:
        return {"data": f"file:{QUESTIONS}", "vectors": "none", "min_count": 1}
    if "tokenizer" in known:
        return {"data": "reverse", "strings": 40, "longest": 8, "max_tokens": 10, "tokenizer": "words"}
    if "vectors" in known:
        return {"data": f"file:{OPINIONS}", "vectors": "none"}
    data = defaults.get("data", known["data"].default)
    if "object" in known:
        return {"data": "cells", "object": "ring", "glance": 16}
    shown: dict[str, Any] = {"glance": 16} if "glance" in defaults else {}
    if "photographs" in known:
        shown |= {"photographs": "scikit-learn"}
    if data == "digits" or (Path(os.environ.get("GLIMPSE_DATA", "")) / data).is_dir():
        return {"download": False, **shown}
    small = {"retina": {"patch": 3}, "canvas": {"size": 16, "distractor_size": 4} if "canvas" in defaults else {}}
    return {
        "download": False,
        "data": "digits",
        **shown,
        **{key: value for key, value in small.items() if key in known},
    }


def _make(name: str, **options: Any) -> gym.Env[Any, Any]:
    """Make a registered environment on data that need no download."""
    return gym.make(ENVIRONMENTS[name].id, **{**_options_of(name), **options})


@pytest.fixture
def options_of() -> Callable[[str], dict[str, Any]]:
    """Return the function that gives an environment options that need no download."""
    return _options_of


@pytest.fixture
def make() -> Callable[..., gym.Env[Any, Any]]:
    """Return the function that makes a registered environment on data that need no download."""
    return _make
