"""Tests of every registered environment against Gymnasium and Stable-Baselines3; a new one needs no change here."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import CloudpickleWrapper
from stable_baselines3.common.vec_env import DummyVecEnv

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.faces.stable_baselines3_face import FlatView, make_sb3_env
from tests import forked

Make = Callable[..., gym.Env[Any, Any]]
OptionsOf = Callable[[str], dict[str, Any]]

STEPS = 26
"""More than the longest episode has, so that each environment begins another one."""


def play(env: gym.Env[Any, Any], steps: int, seed: int | None) -> list[Any]:
    """Return all results of some steps with the same random actions, resets included."""
    env.action_space.seed(0)
    results: list[Any] = [env.reset(seed=seed)]
    for _ in range(steps):
        results.append(env.step(env.action_space.sample()))
        if results[-1][2]:
            results.append(env.reset())
    return results


def same(left: Any, right: Any) -> bool:
    """Return whether two results are equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_gymnasiums_checker_passes(name: str, make: Make) -> None:
    """Gymnasium's check_env passes; its warnings are errors here."""
    check_env(make(name, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_seed_determines_all_episodes(name: str, make: Make) -> None:
    """Two environments with one seed return the same in two episodes; another seed gives other ones."""
    first = play(make(name), STEPS, seed=3)
    assert len(first) > 1 + STEPS and same(first, play(make(name), STEPS, seed=3))
    assert not same(first[0], make(name).reset(seed=4))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_pickle_has_the_episode_but_not_the_data(name: str, make: Make) -> None:
    """The pickle is small, and a copy continues in the middle of an episode."""
    env = make(name)
    play(env, 9, seed=1)
    pickled = pickle.dumps(env)
    assert len(pickled) < 70_000
    copy = pickle.loads(pickled)
    action = env.action_space.sample()
    assert same(env.step(action), copy.step(action))
    assert same(play(env, 20, None), play(copy, 20, None))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_spec_survives_json_and_pickling(name: str, make: Make) -> None:
    """Both the registered spec and that of an environment made with options survive, as processes receive them."""
    registered, made = gym.spec(ENVIRONMENTS[name].id), make(name).spec
    assert made is not None and EnvSpec.from_json(registered.to_json()) == registered
    pickled = pickle.dumps(CloudpickleWrapper(partial(gym.make, made)))
    for copied in (gym.make(EnvSpec.from_json(made.to_json())), pickle.loads(pickled).fn()):
        assert same(play(copied, 5, seed=0), play(gym.make(made), 5, seed=0))


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_vector_environment_equals_single_environments(
    name: str, mode: AutoresetMode, make: Make, options_of: OptionsOf
) -> None:
    """It returns the same as SyncVectorEnv, to the bit, in every autoreset mode."""
    native = gym.make_vec(ENVIRONMENTS[name].id, num_envs=3, autoreset_mode=mode.value, **options_of(name))
    rows = SyncVectorEnv([partial(make, name)] * 3, autoreset_mode=mode)
    native.action_space.seed(0)
    assert same(native.reset(seed=4), rows.reset(seed=4))
    ended = np.False_
    for _ in range(STEPS):
        action = native.action_space.sample()
        answered = native.step(action)
        assert same(answered, rows.step(action))
        ended |= answered[2].any()
        if mode is AutoresetMode.DISABLED and answered[2].any():
            options = {"reset_mask": answered[2]}
            assert same(native.reset(options={**options}), rows.reset(options={**options}))
    assert ended


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_stable_baselines3_environment_equals_single_environments(
    name: str, make: Make, options_of: OptionsOf
) -> None:
    """It returns the same as DummyVecEnv of flat views, to the bit."""
    native = make_sb3_env(name, num_envs=3, **options_of(name))
    rows = DummyVecEnv([lambda: FlatView(make(name))] * 3)
    random, space = np.random.default_rng(0), cast(gym.spaces.MultiDiscrete, native.action_space)
    native.seed(5)
    rows.seed(5)
    assert same(native.reset(), dict(cast(Any, rows.reset())))
    for _ in range(STEPS):
        actions = random.integers(0, space.nvec, (3, len(space.nvec)))
        answered, (observation, *rest) = native.step(actions), rows.step(actions)
        assert same(answered, (dict(cast(Any, observation)), *rest))


def test_an_environment_is_found_without_importing_glimpse(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """Gymnasium imports the module named in front of the id."""

    def play() -> None:
        forked.forget("glimpse")
        for name in [name for name in gym.registry if name.startswith("glimpse/")]:
            del gym.registry[name]
        print(gym.make("glimpse:glimpse/Digits-v0", glimpses=2).reset(seed=0)[1])

    code, printed = forked.run(play), capfd.readouterr()
    assert (code, printed.out) == (0, f"{gym.make('glimpse/Digits-v0').reset(seed=0)[1]}\n"), printed.err
