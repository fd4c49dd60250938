"""Tests of the vector environment, against Gymnasium's SyncVectorEnv of single ones."""

import pickle
import sys
from types import ModuleType
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from pydantic import BaseModel

from glimpse.envs import ENVIRONMENTS, EnvironmentEntry
from glimpse.envs.faces.gymnasium_face import GlimpseEnv, GlimpseVectorEnv

DIGITS = "glimpse/Digits-v0"
each_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
# Lanes end at different times, on pictures that are ready and on pictures made for each episode.
TASKS: dict[str, dict[str, Any]] = {
    "plain": {"glimpses": 3, "stop": True},
    "translated": {
        "glimpses": 4,
        "stop": True,
        "canvas": {"kind": "translated", "size": 13},
        "retina": {"patch": 3, "scales": 2},
        "initial_location": "centre",
        "initial_location_std": 0.3,
    },
    "cluttered": {
        "glimpses": 5,
        "stop": True,
        "canvas": {"kind": "cluttered", "size": 15, "distractors": 3, "distractor_size": 4},
        "retina": {"patch": 2, "scales": 3},
        "reward": "each_step",
        "glimpse_cost": 0.1,
    },
}


def same(left: Any, right: Any) -> bool:
    """Return whether two results are equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


def act(random: np.random.Generator, label: Any) -> dict[str, Any]:
    """Draw random actions: about half answer right, and some stop."""
    count = len(label)
    right = random.random(count) < 0.5
    return {
        "look": random.uniform(-1.2, 1.2, (count, 2)).astype(np.float32),
        "answer": np.where(right, label, random.integers(10, size=count)),
        "stop": (random.random(count) < 0.2).astype(np.int64),
    }


@each_mode
@pytest.mark.parametrize("task", TASKS)
def test_native_equals_single_environments_in_a_row(task: str, mode: AutoresetMode) -> None:
    """Results are equal to the bit; without autoreset also after resets and new seeds of some lanes only."""
    native = gym.make_vec(DIGITS, num_envs=5, autoreset_mode=mode.value, **TASKS[task])
    rows = SyncVectorEnv([lambda: gym.make(DIGITS, **TASKS[task])] * 5, autoreset_mode=mode)
    assert native.action_space == rows.action_space
    assert native.observation_space == rows.observation_space
    assert native.metadata == rows.metadata

    random, answered = np.random.default_rng(1), native.reset(seed=11)
    assert same(answered, rows.reset(seed=11))
    label, ends, rewards = answered[1]["label"], set(), set()
    for step in range(70):
        action = act(random, label)
        observation, reward, terminated, truncated, info = native.step(action)
        assert same((observation, reward, terminated, truncated, info), rows.step(action)), f"step {step}"
        label = info["label"]
        ends.add(tuple(terminated))
        rewards |= set(np.round(reward, 6))
        if mode is AutoresetMode.DISABLED and terminated.any():
            seed = 40 if len(ends) == 6 else None
            observation, info = native.reset(seed=seed, options={"reset_mask": terminated})
            assert same((observation, info), rows.reset(seed=seed, options={"reset_mask": terminated}))
            label = np.where(terminated, info["label"], label)
    # The comparison is not empty: lanes have ended in many different ways, with right and wrong answers.
    assert len(ends) > 5 and len(rewards) > 1


def test_a_lane_does_not_depend_on_how_many_there_are() -> None:
    """The first two of seven lanes return the same as two lanes alone."""

    def answered(count: int) -> list[Any]:
        env = gym.make_vec(DIGITS, num_envs=count, **TASKS["cluttered"])
        observation, info = env.reset(seed=5)
        random = np.random.default_rng(0)
        recorded: list[Any] = []
        for _ in range(40):
            recorded.append({name: array[:2] for name, array in {**observation, **info}.items()})
            two = act(random, info["label"][:2])
            action = {name: np.resize(part, (count, *part.shape[1:])) for name, part in two.items()}
            observation, reward, terminated, _, info = env.step(action)
            recorded.append((reward[:2], terminated[:2]))
        return recorded

    assert same(answered(2), answered(7))


def test_each_environment_can_have_its_own_seed() -> None:
    """A seed of None continues that lane's stream."""
    env, single = GlimpseVectorEnv("digits", 3), gym.make(DIGITS)
    observation, _ = env.reset(seed=[8, 2, 8])
    for lane, seed in enumerate((8, 2, 8)):
        alone, _ = single.reset(seed=seed)
        assert same({name: array[lane] for name, array in observation.items()}, alone)
    again, _ = env.reset(seed=[None, 2, None])
    assert np.array_equal(again["location"][1], observation["location"][1])
    assert not np.array_equal(again["location"][0], observation["location"][0])


def test_each_environment_shows_its_own_requested_example() -> None:
    """Each lane shows what a single environment shows for the same option."""
    options: dict[str, Any] = {"split": "test", "retina": {"patch": 8}, "initial_location": "centre"}
    env, single = gym.make_vec(DIGITS, num_envs=3, **options), gym.make(DIGITS, **options)
    observation, info = env.reset(options={"example": [4, 0, 358]})
    for lane, example in enumerate((4, 0, 358)):
        alone, alone_info = single.reset(options={"example": example})
        assert np.array_equal(observation["glimpse"][lane], alone["glimpse"])
        assert info["label"][lane] == alone_info["label"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": [1, 2]}, "list of 3"),
        ({"seed": [1, 2, -3]}, "natural number"),
        ({"options": {"reset_mask": np.zeros(3, bool)}}, "at least one True"),
        ({"options": {"reset_mask": np.ones(2, bool)}}, "3 bools"),
        ({"options": {"reset_mask": np.ones(3)}}, "3 bools"),
        ({"options": {"example": [1, 2]}}, "or 3 of them"),
        ({"options": {"mask": 1}}, "'reset_mask', got 'mask'"),
    ],
)
def test_a_wrong_reset_is_refused(arguments: dict[str, Any], message: str) -> None:
    """The message says what was expected."""
    env = gym.make_vec(DIGITS, num_envs=3)
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.reset(**arguments)


def test_wrong_arguments_are_refused() -> None:
    """Construction, the first reset and steps each check their arguments."""
    with pytest.raises(ValueError, match=r"NextStep.*got 'Later'"):
        gym.make_vec(DIGITS, autoreset_mode="Later")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        gym.make_vec(DIGITS, num_envs=0)
    with pytest.raises(ValueError, match="got 'ansi'"):
        gym.make_vec(DIGITS, render_mode="ansi")
    env = gym.make_vec(DIGITS, num_envs=2)
    with pytest.raises(ResetNeeded):
        env.step(env.action_space.sample())
    with pytest.raises(ValueError, match="first reset"):
        env.reset(options={"reset_mask": np.array([True, False])})
    env.reset()
    with pytest.raises(ValueError, match=r"'answer'.* shape \(2,\), got \(3,\)"):
        env.step({"look": np.zeros((2, 2)), "answer": np.zeros(3, int)})


def test_without_autoreset_a_terminated_lane_has_to_be_reset() -> None:
    """The error names the lanes that have terminated."""
    env = gym.make_vec(DIGITS, num_envs=2, stop=True, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    action = {"look": np.zeros((2, 2)), "answer": np.zeros(2, int), "stop": np.array([0, 1])}
    env.step(action)
    with pytest.raises(ResetNeeded, match=r"\[1\]"):
        env.step(action)


def test_returned_arrays_belong_to_the_caller() -> None:
    """Overwriting returned arrays, or an action after its step, changes no episode."""
    spoiled, clean = (gym.make_vec(DIGITS, num_envs=4, **TASKS["translated"]) for _ in range(2))
    (observation, info), kept = spoiled.reset(seed=0), clean.reset(seed=0)
    random, label = np.random.default_rng(0), kept[1]["label"]
    for _ in range(12):
        action = act(random, label)
        copied = {name: part.copy() for name, part in action.items()}
        for array in [*observation.values(), *info.values()]:
            array[...] = 0
        observation, reward, terminated, truncated, info = spoiled.step(copied)
        answered = clean.step(action)
        assert same((observation, reward, terminated, truncated, info), answered)
        label = answered[4]["label"]
        for array in [*copied.values(), reward, terminated, truncated]:
            array[...] = 0


def test_pickling_keeps_the_episodes() -> None:
    """A pickled copy continues the running episodes."""
    env = GlimpseVectorEnv("digits", 3, **TASKS["cluttered"])
    env.reset(seed=0)
    action = env.action_space.sample()
    env.step(action)
    copy = pickle.loads(pickle.dumps(env))
    assert all(same(env.step(action), copy.step(action)) for _ in range(12))


# Processes are forked by default; newer Pythons warn of that where there are threads.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_equal_the_native_environment() -> None:
    """AsyncVectorEnv, with one process for each environment, returns the same."""
    apart = AsyncVectorEnv([lambda: gym.make(f"glimpse:{DIGITS}", glimpses=2)] * 2)
    native = gym.make_vec(DIGITS, num_envs=2, glimpses=2)
    try:
        assert same(apart.reset(seed=3), native.reset(seed=3))
        for _ in range(5):
            action = native.action_space.sample()
            assert same(apart.step(action), native.step(action))
    finally:
        apart.close()


@each_mode
def test_statistics_are_recorded(mode: AutoresetMode) -> None:
    """RecordEpisodeStatistics counts two steps of lane 0, and one step of lane 1, which stops."""
    made = gym.make_vec(DIGITS, num_envs=2, glimpses=2, stop=True, autoreset_mode=mode)
    env = gym.wrappers.vector.RecordEpisodeStatistics(made)
    _, info = env.reset(seed=0)
    action = {"look": np.zeros((2, 2)), "answer": info["label"], "stop": np.array([0, 1])}
    _, _, _, _, info = env.step(action)
    assert list(info["episode"]["l"]) == [0, 1] and list(info["episode"]["r"]) == [0, 1]
    if mode is AutoresetMode.DISABLED:
        env.reset(options={"reset_mask": np.array([False, True])})
    _, _, _, _, info = env.step(action)
    second = 0 if mode is AutoresetMode.NEXT_STEP else 1
    assert list(info["episode"]["l"]) == [2, second] and info["episode"]["r"][0] == 1


def test_torch_in_and_out() -> None:
    """NumpyToTorch wraps the vector environment."""
    env = gym.wrappers.vector.NumpyToTorch(gym.make_vec(DIGITS, num_envs=3, glimpses=1))
    observation, info = env.reset(seed=0)
    assert observation["glimpse"].dtype == torch.float32
    _, reward, terminated, _, _ = env.step({"look": torch.zeros(3, 2), "answer": info["label"]})
    assert reward.tolist() == [1, 1, 1] and terminated.tolist() == [True] * 3


class GuessStep(NamedTuple):
    """The result of a step of `Guess`."""

    observation: dict[str, torch.Tensor]
    reward: torch.Tensor
    terminated: torch.Tensor


class Guess:
    """An environment without images: find a number below 20. The hint is 0: too low, 1: too high, 2: none."""

    def __init__(self, options: BaseModel, data: None, *, device: torch.device) -> None:
        """Take the options; there are no data."""
        self.device, self.examples = device, 20
        self.observation_space = spaces.Dict({"hint": spaces.Discrete(3)})
        self.action_space = spaces.Dict({"guess": spaces.Discrete(20)})

    @staticmethod
    def load_data(options: BaseModel, split: str, **_: Any) -> None:
        """Return nothing: there are no data."""

    def draw_example(self, key: torch.Tensor) -> torch.Tensor:
        """Draw a number below 20 for each key."""
        return key.remainder(20)

    def reset(self, example: torch.Tensor, key: torch.Tensor) -> dict[str, torch.Tensor]:
        """Begin with the numbers to be found."""
        self.label, self.terminated = example, torch.zeros_like(example, dtype=torch.bool)
        self.hint = torch.full_like(example, 2)
        return {"hint": self.hint}

    def reset_lanes(self, lanes: torch.Tensor, example: torch.Tensor, key: torch.Tensor) -> dict[str, torch.Tensor]:
        """Begin with new numbers in some lanes."""
        self.label = self.label.index_copy(0, lanes, example)
        self.terminated = self.terminated.index_fill(0, lanes, False)
        self.hint = self.hint.index_fill(0, lanes, 2)
        return {"hint": self.hint}

    def step(self, action: dict[str, torch.Tensor]) -> GuessStep:
        """Compare the guesses with the numbers."""
        found, playing = action["guess"] == self.label, ~self.terminated
        self.hint = torch.where(playing & ~found, (action["guess"] > self.label).long(), self.hint)
        self.terminated = self.terminated | found
        return GuessStep({"hint": self.hint}, (found & playing).float(), self.terminated)


class GuessOptions(BaseModel, extra="forbid", frozen=True):
    """No option but the environment's name."""

    name: str


@each_mode
def test_the_faces_take_any_environment(mode: AutoresetMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new environment is a file and an entry in `ENVIRONMENTS`, also where it shows no images."""
    module = ModuleType("guess_env")
    vars(module).update(Guess=Guess, GuessOptions=GuessOptions)
    monkeypatch.setitem(sys.modules, "guess_env", module)
    entry = EnvironmentEntry("guess/Guess-v0", environment="guess_env:Guess", options="guess_env:GuessOptions")
    monkeypatch.setitem(ENVIRONMENTS, "guess", entry)
    native = GlimpseVectorEnv("guess", 4, autoreset_mode=mode)
    rows = SyncVectorEnv([lambda: GlimpseEnv("guess")] * 4, autoreset_mode=mode)
    random, terminated, found = np.random.default_rng(0), np.ones(4, bool), 0
    assert same(native.reset(seed=2), rows.reset(seed=2))
    for _ in range(60):
        action = {"guess": random.integers(20, size=4)}
        answered = native.step(action)
        assert same(answered, rows.step(action))
        terminated, found = answered[2], found + answered[1].sum()
        if mode is AutoresetMode.DISABLED and terminated.any():
            options = {"reset_mask": terminated}
            assert same(native.reset(options={**options}), rows.reset(options={**options}))
    assert found > 5
