"""Tests that an episode of one lane equals a batch of one, to the bit, for every environment."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.actions import check_action
from glimpse.envs.core import BatchedEnv
from glimpse.envs.lanes import Lanes, info_of_lane
from glimpse.envs.make_batched import make_batched_env
from glimpse.envs.one_lane import OneLane
from glimpse.envs.single_lane import single_lane_of

OptionsOf = Callable[[str], dict[str, Any]]
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "digits": [
        {"stop": True, "reward": "each_step", "glimpse_cost": 0.1, "glimpses": 9, "retina": {"patch": 4}},
        {"view": "whole", "initial_location": "centre"},
        {"retina": {"scales": 3, "zoom": 3, "patch": 3}, "initial_location": "raster", "initial_location_std": 0.2},
        {"canvas": {"kind": "cluttered", "size": 20, "distractor_size": 4}, "retina": {"scales": 2, "patch": 5}},
    ],
    "catch": [
        {"view": "whole"},
        {"paddle": 5, "screen": 17, "retina": {"patch": 5, "scales": 2, "zoom": 4}, "initial_location": "random"},
        {"sideways": 3.3, "ball_speed": 1.5, "retina": {"patch": 3}},
        {"retina": {"patch": 3, "scales": 2, "zoom": 3}},
    ],
}
CASES: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in ENVIRONMENTS] + [
    (name, more) for name in VARIANTS for more in VARIANTS[name]
]


def same(left: Any, right: Any) -> bool:
    """Return whether two results are equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


def actions(env: BatchedEnv, number: int) -> dict[str, Any]:
    """Draw an action, with every third look beyond the border."""
    action = env.action_space.sample()
    if number % 3 == 0 and "look" in action:
        action["look"] = action["look"] * 3
    return check_action(env.action_space, action)


@pytest.mark.parametrize(("name", "more"), CASES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CASES)])
def test_one_lane_equals_a_batch_of_one(name: str, more: dict[str, Any], options_of: OptionsOf) -> None:
    """Observations, rewards, ends and labels are the same over 200 steps, also in copies made within an episode."""
    make = partial(make_batched_env, name, **{**options_of(name), **more})
    one, batch = OneLane(make), Lanes(make, 1)
    batch.env.action_space.seed(0)
    one.seed(5, np.random.default_rng(0))
    batch.seed([5], np.arange(1), np.random.default_rng(0))
    terminated = True
    for number in range(200):
        if terminated:
            example = np.array([number % 7]) if number % 2 else None
            assert same(one.reset(example), _first(batch.reset(example=example)))
        elif number % 10 == 0:
            one = pickle.loads(pickle.dumps(one))
        action = actions(batch.env, number)
        (seen, reward, terminated), expected = (
            one.step(action),
            batch.step({key: part[None] for key, part in action.items()}),
        )
        assert same(seen, _first(expected.observation)) and same(one.info, info_of_lane(expected.info, 0))
        assert same((reward, terminated), (float(expected.reward[0]), bool(expected.terminated[0])))


def _first(observation: dict[str, Any]) -> dict[str, Any]:
    return {name: array[0] for name, array in observation.items()}


@pytest.mark.parametrize("name", ["digits", "translated-mnist", "catch"])
def test_the_batched_environment_has_the_episode_when_it_is_stored(name: str, options_of: OptionsOf) -> None:
    """It has all that its own steps would have left: the picture to be drawn, the label, and the next step."""
    make = partial(make_batched_env, name, **options_of(name))
    env, expected = make(), make()
    lane = single_lane_of(env)
    assert lane is not None
    lane.reset(3, -12345)
    expected.reset(torch.tensor([3]), torch.tensor([-12345]))
    for number in range(2):
        lane.step(action := actions(env, number))
        tensors = {key: torch.as_tensor(part)[None] for key, part in action.items()}
        expected.step(tensors)
    lane.store()
    assert torch.equal(env.picture(), expected.picture())  # type: ignore[attr-defined]
    assert torch.equal(env.label, expected.label)
    for stored, right in zip(_leaves(env.step(tensors)), _leaves(expected.step(tensors)), strict=True):
        assert torch.equal(stored, right) and stored.dtype == right.dtype


def _leaves(result: Any) -> list[torch.Tensor]:
    return [*result.observation.values(), result.reward, result.terminated, result.label]


def test_what_is_returned_may_be_changed(options_of: OptionsOf) -> None:
    """Writing into observations changes no later one, nor the data."""
    for name in ("digits", "catch"):
        env = OneLane(partial(make_batched_env, name, **options_of(name)))
        env.seed(0, np.random.default_rng(0))
        first = env.reset(np.array([2]))
        kept = {key: np.copy(part) for key, part in first.items()}
        for part in (first["glimpse"], first["location"]):
            part[...] = 7
        env.seed(0, np.random.default_rng(0))
        assert same({key: np.copy(part) for key, part in env.reset(np.array([2])).items()}, kept)


def test_only_the_class_itself_names_its_lane(options_of: OptionsOf) -> None:
    """A subclass, whose steps may be others, and another device have none."""
    env = make_batched_env("catch", **options_of("catch"))
    assert single_lane_of(env) is not None
    env.__class__ = type("Other", (type(env),), {})
    assert single_lane_of(env) is None
