"""Tests of the flat view and the VecEnv, against Stable-Baselines3's DummyVecEnv and with its algorithms."""

import io
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from glimpse.envs.faces.stable_baselines3_face import FlatView, Sb3VecEnv, make_sb3_env

DIGITS = "glimpse/Digits-v0"
TASKS: dict[str, dict[str, Any]] = {
    "plain": {"glimpses": 3},
    "stop": {"glimpses": 4, "stop": True, "glimpse_cost": 0.1, "reward": "each_step"},
    "cluttered": {
        "glimpses": 3,
        "stop": True,
        "canvas": {"kind": "cluttered", "size": 15, "distractors": 3, "distractor_size": 4},
        "retina": {"patch": 2, "scales": 3},
    },
}


def same(left: Any, right: Any) -> bool:
    """Return whether two results are equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


def choices(env: Sb3VecEnv, random: np.random.Generator) -> Any:
    """Draw random actions for all lanes, few of which stop."""
    space: Any = env.action_space
    actions = random.integers(0, space.nvec, (env.num_envs, len(space.nvec)))
    if actions.shape[1] == 4:
        actions[:, 3] = random.random(env.num_envs) < 0.2
    return actions


def test_locations_are_the_centres_of_grid_cells() -> None:
    """A grid of 3 x 3 cells is indexed by column, then row, from the top left corner."""
    env = FlatView(gym.make(DIGITS, stop=True), grid=3)
    assert env.action_space == gym.spaces.MultiDiscrete([3, 3, 10, 2])
    env.reset(seed=0)
    for cell, location in (((0, 2), (-2 / 3, 2 / 3)), ((1, 1), (0, 0)), ((2, 0), (2 / 3, -2 / 3))):
        observation, _, _, _, _ = env.step(np.array([*cell, 5, 0]))
        assert observation["location"] == pytest.approx(location)


def test_the_answer_and_the_stop_are_the_last_choices() -> None:
    """Stopping with a right answer is worth 1 at once, with a wrong one 0."""
    for wrong in (0, 1):
        env = FlatView(gym.make(DIGITS, stop=True))
        _, info = env.reset(seed=0)
        answer = (info["label"] + wrong) % 10
        _, reward, terminated, _, _ = env.step(np.array([0, 0, answer, 1]))
        assert (reward, terminated) == (1.0 - wrong, True)


def test_patches_are_flattened_to_a_vector() -> None:
    """The order is scale, channel, row and column."""
    plain, wrapped = (gym.make(DIGITS, retina={"patch": 2, "scales": 2}) for _ in range(2))
    flat = FlatView(wrapped)
    observation, _ = flat.reset(seed=1)
    assert observation["glimpse"].shape == (8,) and flat.observation_space.contains(observation)
    assert list(observation["glimpse"]) == list(plain.reset(seed=1)[0]["glimpse"].flat)


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_of_stable_baselines3_finds_nothing(task: str) -> None:
    """check_env passes; its warnings are errors here."""
    check_env(FlatView(gym.make(DIGITS, **TASKS[task])))


@pytest.mark.parametrize("task", TASKS)
def test_native_equals_single_environments_in_a_row(task: str) -> None:
    """Sb3VecEnv returns the same as DummyVecEnv, to the bit, from a first seed and from a second one."""
    native = make_sb3_env(DIGITS, num_envs=4, **TASKS[task])
    rows: Any = DummyVecEnv([lambda: FlatView(gym.make(DIGITS, **TASKS[task]))] * 4)
    assert native.action_space == rows.action_space and native.observation_space == rows.observation_space
    random, ends = np.random.default_rng(0), set()
    for seed in (3, 70):
        native.seed(seed)
        rows.seed(seed)
        assert same(native.reset(), dict(rows.reset()))
        assert same(native.reset_infos, rows.reset_infos)
        for _ in range(40):
            actions = choices(native, random)
            answered, (observation, *rest) = native.step(actions), rows.step(actions)
            assert same(answered, (dict(observation), *rest))
            assert same(native.reset_infos, rows.reset_infos)
            ends.add(tuple(answered[2]))
    assert len(ends) > (5 if "stop" in TASKS[task] else 1)


def test_a_seed_and_options_count_once() -> None:
    """Later resets continue the streams and draw examples again."""
    options: dict[str, Any] = {"split": "test", "retina": {"patch": 8}, "initial_location": "centre"}
    env = make_sb3_env("digits", num_envs=2, seed=5, **options)
    first, second = env.reset(), env.reset()
    assert not same(first, second)
    env.seed(5)
    assert same(env.reset(), first)
    env.set_options([{"example": 3}, {}])
    asked = env.reset()
    single = FlatView(gym.make(DIGITS, **options))
    shown, _ = single.reset(options={"example": 3})
    assert np.array_equal(asked["glimpse"][0], shown["glimpse"])
    assert np.array_equal(asked["glimpse"][1], second["glimpse"][1])
    assert env.reset_infos[0] == {"label": single.reset(options={"example": 3})[1]["label"]}
    assert not np.array_equal(env.reset()["glimpse"][0], shown["glimpse"])
    env.set_options({"exmple": 3})
    with pytest.raises(ValueError, match="'example', got 'exmple'"):
        env.reset()


def test_ppo_and_a2c_run_unmodified() -> None:
    """VecMonitor records episodes of the task's length while both algorithms train."""
    env = VecMonitor(make_sb3_env(DIGITS, num_envs=16, glimpses=4, seed=0))
    model = PPO("MultiInputPolicy", env, n_steps=125, batch_size=500, n_epochs=2, seed=0, device="cpu")
    before = [weights.detach().clone() for weights in model.policy.parameters()]
    model.learn(2000)
    assert model.num_timesteps == 2000
    assert any((weights != old).any() for weights, old in zip(model.policy.parameters(), before, strict=True))
    assert {int(episode["l"]) for episode in model.ep_info_buffer or ()} == {4}
    observation: Any = env.reset()
    actions, _ = model.predict(observation, deterministic=True)
    assert actions.shape == (16, 3)
    A2C("MultiInputPolicy", env, n_steps=4, seed=0, device="cpu").learn(128)


def test_pickling_keeps_the_episodes() -> None:
    """A pickled copy continues the running episodes."""
    env = make_sb3_env(DIGITS, num_envs=3, **TASKS["cluttered"])
    env.reset()
    random = np.random.default_rng(0)
    env.step(choices(env, random))
    copy = pickle.loads(pickle.dumps(env))
    for _ in range(10):
        actions = choices(env, random)
        assert same(env.step(actions), copy.step(actions))


@pytest.mark.parametrize("task", TASKS)
def test_a_state_of_tensors_and_numbers_brings_the_episodes_back(task: str) -> None:
    """`restore` replaces other running episodes, as in a process that resumes a run."""
    env, other = (make_sb3_env(DIGITS, num_envs=3, seed=seed, **TASKS[task]) for seed in (0, 9))
    random = np.random.default_rng(0)
    for lanes in (env, other):
        lanes.reset()
        lanes.step(choices(env, random))
    file = io.BytesIO()
    torch.save(env.lanes.state(), file)
    file.seek(0)
    other.lanes.restore(torch.load(file, weights_only=True))
    for _ in range(10):
        actions = choices(env, random)
        assert same(env.step(actions), other.step(actions))


def test_frames_are_tiled() -> None:
    """`render` tiles one frame for each lane."""
    env = make_sb3_env(DIGITS, num_envs=2, render_mode="rgb_array")
    env.reset()
    frames, tiled = env.get_images(), env.render()
    assert frames[0] is not None and tiled is not None
    height, width, _ = frames[0].shape
    assert tiled.shape in ((height, 2 * width, 3), (2 * height, width, 3))


def test_lanes_share_their_attributes() -> None:
    """Attributes are those of the VecEnv, unless they were set for a lane."""
    env = make_sb3_env(DIGITS, num_envs=3)
    assert env.get_attr("render_mode") == [None] * 3 and env.get_attr("num_envs", indices=[0, 2]) == [3, 3]
    assert not env.has_attr("action_masks")
    assert env.env_is_wrapped(gym.Wrapper, indices=1) == [False]
    env.set_attr("note", 1)
    assert env.get_attr("note", indices=0) == [1]
    env.set_attr("note", 2, indices=0)
    assert env.get_attr("note") == [2, 1, 1]
    with pytest.raises(AttributeError, match="'jump'"):
        env.env_method("jump")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"environment": "digit"}, "environment should be one of mnist, .*got 'digit'"),
        ({"num_envs": 0}, "at least 1, got 0"),
        ({"grid": 0}, "grid should be at least 1, got 0"),
        ({"glimpses": 0}, "glimpses: .*got 0"),
        ({"render_mode": "human"}, "got 'human'"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    """The message says what was expected and what was given."""
    with pytest.raises(ValueError, match=message):
        make_sb3_env(**{"environment": "digits", **arguments})


def test_wrong_actions_are_refused() -> None:
    """Both the flat view and the VecEnv refuse them."""
    env = make_sb3_env(DIGITS, num_envs=2)
    env.reset()
    for wrong in ([[0, 0, 10]] * 2, [[-1, 0, 0]] * 2, [[0, 0, 0, 0]] * 2, [0, 0, 0], [[0.5, 0, 0]] * 2):
        with pytest.raises(ValueError, match="3 whole numbers below"):
            env.step(np.array(wrong))
    with pytest.raises(ValueError, match="3 whole numbers below"):
        FlatView(gym.make(DIGITS)).step(np.array([7, 0, 0]))
    with pytest.raises(ValueError, match="Dict spaces"):
        FlatView(gym.make("CartPole-v1"))
