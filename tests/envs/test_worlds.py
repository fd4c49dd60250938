"""What every registered world owes to Gymnasium; a new one is tested by being registered."""

import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import CloudpickleWrapper
from stable_baselines3.common.vec_env import DummyVecEnv

from glimpse.envs import WORLDS
from glimpse.envs.faces.stable_baselines3_face import FlatView, make_sb3_env

OPINIONS = Path(__file__).parent / "text" / "opinions.tsv"


def options_of(name: str) -> dict[str, Any]:
    """Options that need no download: real data where GLIMPSE_DATA has them, otherwise the digits."""
    if WORLDS[name].kind == "catch":
        return {}
    if WORLDS[name].kind in ("translation", "interpretation"):
        return {"data": "reverse", "strings": 40, "longest": 8, "max_pieces": 10, "pieces": "words"}
    if WORLDS[name].kind in ("text", "skim", "select"):
        return {"data": f"file:{OPINIONS}", "vectors": "none"}
    data = WORLDS[name].defaults.get("data", "mnist")
    if data == "digits" or (Path(os.environ.get("GLIMPSE_DATA", "")) / data).is_dir():
        return {"download": False}
    options: dict[str, Any] = {"download": False, "data": "digits", "retina": {"patch": 3}}
    if "canvas" in WORLDS[name].defaults:
        options["canvas"] = {"size": 16, "piece": 4}
    return options


def make(name: str, **options: Any) -> gym.Env[Any, Any]:
    """The world as registered, on data that are there."""
    return gym.make(WORLDS[name].id, **options_of(name), **options)


def play(env: gym.Env[Any, Any], steps: int, seed: int | None) -> list[Any]:
    """All that an environment says in some steps of the same random play, resets included."""
    env.action_space.seed(0)
    said: list[Any] = [env.reset(seed=seed)]
    for _ in range(steps):
        said.append(env.step(env.action_space.sample()))
        if said[-1][2]:
            said.append(env.reset())
    return said


def same(left: Any, right: Any) -> bool:
    """Equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


@pytest.mark.parametrize("name", WORLDS)
def test_the_checker_finds_nothing(name: str) -> None:
    """Its warnings are errors here."""
    check_env(make(name, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("name", WORLDS)
def test_a_seed_decides_all_episodes(name: str) -> None:
    """Two copies with one seed say the same for fifty steps; with another seed, something else."""
    first = play(make(name), 50, seed=3)
    assert same(first, play(make(name), 50, seed=3))
    assert not same(first[0], make(name).reset(seed=4))


@pytest.mark.parametrize("name", WORLDS)
def test_pickling_keeps_the_episode_and_leaves_the_data(name: str) -> None:
    """In the middle of an episode, and as small as an episode is."""
    env = make(name)
    play(env, 9, seed=1)
    pickled = pickle.dumps(env)
    assert len(pickled) < 70_000
    copy = pickle.loads(pickled)
    action = env.action_space.sample()
    assert same(env.step(action), copy.step(action))
    assert same(play(env, 20, None), play(copy, 20, None))


@pytest.mark.parametrize("name", WORLDS)
def test_a_spec_survives_json_and_pickling(name: str) -> None:
    """The registered one, and that of an environment which was made with options, as processes get it."""
    registered, made = gym.spec(WORLDS[name].id), make(name).spec
    assert made is not None and EnvSpec.from_json(registered.to_json()) == registered
    pickled = pickle.dumps(CloudpickleWrapper(partial(gym.make, made)))
    for copied in (gym.make(EnvSpec.from_json(made.to_json())), pickle.loads(pickled).fn()):
        assert same(play(copied, 5, seed=0), play(gym.make(made), 5, seed=0))


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", WORLDS)
def test_many_side_by_side_are_single_ones_in_a_row(name: str, mode: AutoresetMode) -> None:
    """All that is returned, to the bit, under every autoreset mode."""
    native = gym.make_vec(WORLDS[name].id, num_envs=3, autoreset_mode=mode.value, **options_of(name))
    rows = SyncVectorEnv([partial(make, name)] * 3, autoreset_mode=mode)
    native.action_space.seed(0)
    assert same(native.reset(seed=4), rows.reset(seed=4))
    for _ in range(40):
        action = native.action_space.sample()
        said = native.step(action)
        assert same(said, rows.step(action))
        if mode is AutoresetMode.DISABLED and said[2].any():
            options = {"reset_mask": said[2]}
            assert same(native.reset(options={**options}), rows.reset(options={**options}))


@pytest.mark.parametrize("name", WORLDS)
def test_the_adapter_is_single_ones_in_a_row(name: str) -> None:
    """Stable-Baselines3's own vector of flat views, to the bit."""
    native = make_sb3_env(name, num_envs=3, **options_of(name))
    rows = DummyVecEnv([lambda: FlatView(make(name))] * 3)
    random, space = np.random.default_rng(0), cast(gym.spaces.MultiDiscrete, native.action_space)
    native.seed(5)
    rows.seed(5)
    assert same(native.reset(), dict(cast(Any, rows.reset())))
    for _ in range(40):
        actions = random.integers(0, space.nvec, (3, len(space.nvec)))
        said, (observation, *rest) = native.step(actions), rows.step(actions)
        assert same(said, (dict(cast(Any, observation)), *rest))


def test_a_world_is_found_without_importing_glimpse() -> None:
    """By the name of the module in front of the id."""
    code = (
        "import gymnasium as gym\n"
        "env = gym.make('glimpse:glimpse/Digits-v0', glimpses=2)\n"
        "print(env.reset(seed=0)[1])\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == f"{gym.make('glimpse/Digits-v0').reset(seed=0)[1]}\n", done.stderr
