"""Tests of pickling environments: a pickle has the running episode and nothing that can be made again."""

import pickle
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence
from pydantic import BaseModel
from torch import Tensor

from glimpse.envs import ENVIRONMENTS, EnvironmentEntry
from glimpse.envs.core import StepResult
from glimpse.envs.faces.gymnasium_face import GlimpseEnv

NUMBERS = 500_000  # 4 MB as int64


class Counting:
    """An environment that shows one number of a large tensor after the other, and ends after five steps."""

    def __init__(self, options: BaseModel, data: Tensor, *, device: torch.device) -> None:
        """Keep the data, and a table made from them."""
        self.device, self.examples = device, len(data)
        self.data, self.doubled = data, data * 2
        self.observation_space = spaces.Dict({"number": spaces.Discrete(3 * NUMBERS)})
        self.action_space = spaces.Dict({"forward": spaces.Discrete(2)})

    @staticmethod
    def load_data(options: BaseModel, split: str, **_: Any) -> Tensor:
        """Return a new tensor at each call: there is no cache."""
        return torch.arange(NUMBERS)

    def draw_example(self, key: Tensor) -> Tensor:
        """Draw an example for each key."""
        return key.remainder(self.examples)

    def reset(self, example: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Begin at some examples."""
        self.label = self.number = example
        self.time, self.goal = torch.zeros_like(example), None  # None too is an attribute that a reset sets.
        return {"number": self.doubled[self.number]}

    def step(self, action: dict[str, Tensor]) -> StepResult:
        """Go forward or stay."""
        self.number, self.time = (self.number + action["forward"]) % NUMBERS, self.time + 1
        reward = (self.data[self.number] % 7 == 0).float() if self.goal is None else torch.zeros(1)
        return StepResult({"number": self.doubled[self.number]}, reward, self.time >= 5, self.label)


class CountingOptions(BaseModel, extra="forbid", frozen=True):
    """No option but the environment's name."""

    name: str


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> GlimpseEnv:
    """Register the environment and make it."""
    module = ModuleType("counting_env")
    vars(module).update(Counting=Counting, CountingOptions=CountingOptions)
    monkeypatch.setitem(sys.modules, "counting_env", module)
    entry = EnvironmentEntry(
        "counting/Counting-v0", environment="counting_env:Counting", options="counting_env:CountingOptions"
    )
    monkeypatch.setitem(ENVIRONMENTS, "counting", entry)
    return GlimpseEnv("counting")


def test_a_pickle_leaves_out_data_that_are_loaded_anew_each_time(env: GlimpseEnv) -> None:
    """The pickle is small before and within an episode, also that of a copy, and copies continue the episode."""
    assert len(pickle.dumps(env)) < 10_000
    env.reset(seed=3)
    env.step({"forward": 1})
    pickled = pickle.dumps(env)
    copy = pickle.loads(pickled)
    second = pickle.dumps(copy)
    assert len(pickled) < 10_000 and len(second) < 10_000
    for each in (copy, pickle.loads(second)):
        other = pickle.loads(pickled)
        for step in range(4):
            expected = other.step({"forward": step % 2})
            assert data_equivalence(each.step({"forward": step % 2}), expected, exact=True)
        assert expected[2] and data_equivalence(each.reset(), other.reset(), exact=True)


def test_a_copy_continues_as_the_original_does(env: GlimpseEnv) -> None:
    """Observations, rewards, ends and later episodes are equal to the bit."""
    env.reset(seed=8)
    copy = pickle.loads(pickle.dumps(env))
    for _ in range(3):
        results = [env.step({"forward": 1}) for _ in range(5)]
        assert data_equivalence([copy.step({"forward": 1}) for _ in range(5)], results, exact=True)
        assert data_equivalence(copy.reset(), env.reset(), exact=True)
