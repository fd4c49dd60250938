"""Tests of environments of other packages that leave something out."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from glimpse.envs.core import BatchedEnv
from glimpse.envs.images.picture_env import VisualEnv


def make(kind: Any) -> Any:
    """Make an environment, although mypy sees that it is incomplete."""
    return kind()


class Empty(BatchedEnv):
    """Environment that defines nothing."""


class EmptyVisual(VisualEnv):
    """Environment of pictures that defines nothing."""


NUMBERS = torch.zeros(1, dtype=torch.int64)
CALLS: dict[str, Callable[[BatchedEnv], object]] = {
    "examples": lambda env: env.examples,
    "label": lambda env: env.label,
    "draw_example": lambda env: env.draw_example(NUMBERS),
    "reset": lambda env: env.reset(NUMBERS, NUMBERS),
    "reset_lanes": lambda env: env.reset_lanes(NUMBERS, NUMBERS, NUMBERS),
    "step": lambda env: env.step({}),
    "frame": lambda env: env.frame(0, []),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_member_that_is_missing_is_named(name: str) -> None:
    """The error names the class, the member, and what it must return."""
    with pytest.raises(NotImplementedError, match=f"^Empty must define '{name}': it returns .{{20,}}$"):
        CALLS[name](make(Empty))


def test_every_member_of_the_protocol_is_tried() -> None:
    """The list above has each member that an environment must define; the others have defaults."""
    members = {name for name in vars(BatchedEnv) if not name.startswith("_")}
    assert members - {"agent_inputs", "augments", "derived", "lengths"} == set(CALLS)


def test_a_picture_that_is_missing_is_named() -> None:
    """Environments that show pictures must be able to show them whole, for drawings."""
    with pytest.raises(NotImplementedError, match="EmptyVisual must define 'picture': it returns the whole picture"):
        make(EmptyVisual).picture()
