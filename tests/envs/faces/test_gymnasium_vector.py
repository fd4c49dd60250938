"""Many environments side by side, against single ones in a row."""

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

from glimpse.envs import WORLDS, World
from glimpse.envs.faces.gymnasium_face import WorldEnv, WorldVectorEnv

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
        "first_place": "centre",
        "first_spread": 0.3,
    },
    "cluttered": {
        "glimpses": 5,
        "stop": True,
        "canvas": {"kind": "cluttered", "size": 15, "pieces": 3, "piece": 4},
        "retina": {"patch": 2, "scales": 3},
        "reward": "each_step",
        "glimpse_cost": 0.1,
    },
}


def same(left: Any, right: Any) -> bool:
    """Equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


def act(random: np.random.Generator, label: Any) -> dict[str, Any]:
    """Random actions of which about half are right, and some stop."""
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
    """All that is returned, to the bit; without autoreset also resets and new seeds of some lanes only."""
    native = gym.make_vec(DIGITS, num_envs=5, autoreset_mode=mode.value, **TASKS[task])
    rows = SyncVectorEnv([lambda: gym.make(DIGITS, **TASKS[task])] * 5, autoreset_mode=mode)
    assert native.action_space == rows.action_space
    assert native.observation_space == rows.observation_space
    assert native.metadata == rows.metadata

    random, said = np.random.default_rng(1), native.reset(seed=11)
    assert same(said, rows.reset(seed=11))
    label, ends, rewards = said[1]["label"], set(), set()
    for step in range(70):
        action = act(random, label)
        observation, reward, over, truncated, info = native.step(action)
        assert same((observation, reward, over, truncated, info), rows.step(action)), f"step {step}"
        label = info["label"]
        ends.add(tuple(over))
        rewards |= set(np.round(reward, 6))
        if mode is AutoresetMode.DISABLED and over.any():
            seed = 40 if len(ends) == 6 else None
            observation, info = native.reset(seed=seed, options={"reset_mask": over})
            assert same((observation, info), rows.reset(seed=seed, options={"reset_mask": over}))
            label = np.where(over, info["label"], label)
    # The comparison was one: lanes have ended in many different ways, with right and wrong answers.
    assert len(ends) > 5 and len(rewards) > 1


def test_a_lane_does_not_depend_on_how_many_there_are() -> None:
    """The first two lanes of two and of seven."""

    def said(count: int) -> list[Any]:
        env = gym.make_vec(DIGITS, num_envs=count, **TASKS["cluttered"])
        observation, info = env.reset(seed=5)
        random = np.random.default_rng(0)
        heard: list[Any] = []
        for _ in range(40):
            heard.append({name: array[:2] for name, array in {**observation, **info}.items()})
            two = act(random, info["label"][:2])
            action = {name: np.resize(part, (count, *part.shape[1:])) for name, part in two.items()}
            observation, reward, over, _, info = env.step(action)
            heard.append((reward[:2], over[:2]))
        return heard

    assert same(said(2), said(7))


def test_each_environment_can_have_its_own_seed() -> None:
    """Where it is None the stream goes on."""
    env, single = WorldVectorEnv("digits", 3), gym.make(DIGITS)
    observation, _ = env.reset(seed=[8, 2, 8])
    for lane, seed in enumerate((8, 2, 8)):
        alone, _ = single.reset(seed=seed)
        assert same({name: array[lane] for name, array in observation.items()}, alone)
    again, _ = env.reset(seed=[None, 2, None])
    assert np.array_equal(again["location"][1], observation["location"][1])
    assert not np.array_equal(again["location"][0], observation["location"][0])


def test_each_environment_can_be_asked_for_its_own_example() -> None:
    """As a single one can."""
    options: dict[str, Any] = {"split": "test", "retina": {"patch": 8}, "first_place": "centre"}
    env, single = gym.make_vec(DIGITS, num_envs=3, **options), gym.make(DIGITS, **options)
    observation, info = env.reset(options={"example": [4, 0, 358]})
    for lane, example in enumerate((4, 0, 358)):
        alone, told = single.reset(options={"example": example})
        assert np.array_equal(observation["glimpse"][lane], alone["glimpse"])
        assert info["label"][lane] == told["label"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": [1, 2]}, "list of 3"),
        ({"seed": [1, 2, -3]}, "natural number"),
        ({"options": {"reset_mask": np.zeros(3, bool)}}, "at least one True"),
        ({"options": {"reset_mask": np.ones(2, bool)}}, "3 bools"),
        ({"options": {"reset_mask": np.ones(3)}}, "3 bools"),
        ({"options": {"example": [1, 2]}}, "or 3 of them"),
        ({"options": {"mask": 1}}, r"'reset_mask'\], got \['mask'\]"),
    ],
)
def test_a_wrong_reset_is_refused(arguments: dict[str, Any], message: str) -> None:
    """With what was expected."""
    env = gym.make_vec(DIGITS, num_envs=3)
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.reset(**arguments)


def test_wrong_arguments_are_refused() -> None:
    """When it is made, when it is first reset, and when it is stepped."""
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


def test_without_autoreset_a_lane_that_is_over_has_to_be_reset() -> None:
    """The error says which."""
    env = gym.make_vec(DIGITS, num_envs=2, stop=True, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    action = {"look": np.zeros((2, 2)), "answer": np.zeros(2, int), "stop": np.array([0, 1])}
    env.step(action)
    with pytest.raises(ResetNeeded, match=r"\[1\]"):
        env.step(action)


def test_what_is_returned_belongs_to_the_caller() -> None:
    """Who overwrites it, or an action after it was taken, changes nothing."""
    spoiled, clean = (gym.make_vec(DIGITS, num_envs=4, **TASKS["translated"]) for _ in range(2))
    (observation, info), kept = spoiled.reset(seed=0), clean.reset(seed=0)
    random, label = np.random.default_rng(0), kept[1]["label"]
    for _ in range(12):
        action = act(random, label)
        copied = {name: part.copy() for name, part in action.items()}
        for array in [*observation.values(), *info.values()]:
            array[...] = 0
        observation, reward, over, truncated, info = spoiled.step(copied)
        said = clean.step(action)
        assert same((observation, reward, over, truncated, info), said)
        label = said[4]["label"]
        for array in [*copied.values(), reward, over, truncated]:
            array[...] = 0


def test_pickling_keeps_the_episodes() -> None:
    """In the middle of them."""
    env = WorldVectorEnv("digits", 3, **TASKS["cluttered"])
    env.reset(seed=0)
    action = env.action_space.sample()
    env.step(action)
    copy = pickle.loads(pickle.dumps(env))
    assert all(same(env.step(action), copy.step(action)) for _ in range(12))


# Processes are forked by default; newer Pythons warn of that where there are threads.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_equal_the_native_environment() -> None:
    """Gymnasium's own, one for each environment."""
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
    """By Gymnasium's wrapper: lane 0 takes two steps, lane 1 stops after one."""
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
    """By Gymnasium's wrapper."""
    env = gym.wrappers.vector.NumpyToTorch(gym.make_vec(DIGITS, num_envs=3, glimpses=1))
    observation, info = env.reset(seed=0)
    assert observation["glimpse"].dtype == torch.float32
    _, reward, terminated, _, _ = env.step({"look": torch.zeros(3, 2), "answer": info["label"]})
    assert reward.tolist() == [1, 1, 1] and terminated.tolist() == [True] * 3


class GuessStep(NamedTuple):
    """A step of `Guess`."""

    observation: dict[str, torch.Tensor]
    reward: torch.Tensor
    terminated: torch.Tensor


class Guess:
    """A core without images: find a number below 20. The hint is 0: too low, 1: too high, 2: none."""

    def __init__(self, options: BaseModel, data: None, *, device: torch.device) -> None:
        """Make it."""
        self.device, self.examples = device, 20
        self.observation_space = spaces.Dict({"hint": spaces.Discrete(3)})
        self.action_space = spaces.Dict({"guess": spaces.Discrete(20)})

    @staticmethod
    def load_data(options: BaseModel, split: str, **_: Any) -> None:
        """There are none."""

    def draw_example(self, key: torch.Tensor) -> torch.Tensor:
        """Any number."""
        return key.remainder(20)

    def begin(self, example: torch.Tensor, key: torch.Tensor) -> dict[str, torch.Tensor]:
        """Choose the numbers."""
        self.label, self.over = example, torch.zeros_like(example, dtype=torch.bool)
        self.hint = torch.full_like(example, 2)
        return {"hint": self.hint}

    def restart(self, lanes: torch.Tensor, example: torch.Tensor, key: torch.Tensor) -> dict[str, torch.Tensor]:
        """Choose new numbers in some lanes."""
        self.label = self.label.index_copy(0, lanes, example)
        self.over = self.over.index_fill(0, lanes, False)
        self.hint = self.hint.index_fill(0, lanes, 2)
        return {"hint": self.hint}

    def step(self, action: dict[str, torch.Tensor]) -> GuessStep:
        """Compare."""
        found, playing = action["guess"] == self.label, ~self.over
        self.hint = torch.where(playing & ~found, (action["guess"] > self.label).long(), self.hint)
        self.over = self.over | found
        return GuessStep({"hint": self.hint}, (found & playing).float(), self.over)


class GuessOptions(BaseModel, extra="forbid", frozen=True):
    """None but the world's name."""

    name: str


@each_mode
def test_the_faces_take_any_core(mode: AutoresetMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new world is a file and a line in `WORLDS`, also where it shows no images."""
    module = ModuleType("guess_world")
    vars(module).update(Guess=Guess, GuessOptions=GuessOptions)
    monkeypatch.setitem(sys.modules, "guess_world", module)
    world = World("guess/Guess-v0", core="guess_world:Guess", options="guess_world:GuessOptions")
    monkeypatch.setitem(WORLDS, "guess", world)
    native = WorldVectorEnv("guess", 4, autoreset_mode=mode)
    rows = SyncVectorEnv([lambda: WorldEnv("guess")] * 4, autoreset_mode=mode)
    random, over, found = np.random.default_rng(0), np.ones(4, bool), 0
    assert same(native.reset(seed=2), rows.reset(seed=2))
    for _ in range(60):
        action = {"guess": random.integers(20, size=4)}
        said = native.step(action)
        assert same(said, rows.step(action))
        over, found = said[2], found + said[1].sum()
        if mode is AutoresetMode.DISABLED and over.any():
            options = {"reset_mask": over}
            assert same(native.reset(options={**options}), rows.reset(options={**options}))
    assert found > 5
