"""Tests of the Gymnasium environment: episodes, seeds, refused arguments, and Gymnasium's wrappers."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence

from glimpse.envs.errors import DataError
from glimpse.envs.faces.gymnasium_face import GlimpseEnv

DIGITS = "glimpse/Digits-v0"


def same(left: Any, right: Any) -> bool:
    """Return whether two results are equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


def test_an_episode_by_hand() -> None:
    """Locations, times, costs and the end of an episode of two glimpses are as expected."""
    env = gym.make(DIGITS, glimpses=2, initial_location=(0.5, -0.25), glimpse_cost=0.25)
    first, info = env.reset(seed=0)
    assert list(first["location"]) == [0.5, -0.25] and first["time"] == 0
    right = {"look": np.array([-1, 3], np.float32), "answer": info["label"]}
    second, reward, terminated, truncated, _ = env.step(right)
    # A location beyond the border is clamped to the border.
    assert list(second["location"]) == [-1, 1] and second["time"] == 1
    assert (reward, terminated, truncated) == (-0.25, False, False)
    last, reward, terminated, truncated, _ = env.step(right)
    assert (reward, terminated, truncated) == (0.75, True, False)
    assert same({**last, "time": second["time"]}, second) and last["time"] == 2


def test_stopping_ends_the_episode_with_this_answer() -> None:
    """The action `stop` ends the episode long before the glimpses are used up."""
    env = gym.make(DIGITS, glimpses=9, stop=True)
    _, info = env.reset(seed=0)
    _, reward, terminated, _, _ = env.step({"look": [0, 0], "answer": info["label"], "stop": 1})
    assert (reward, terminated) == (1.0, True)


def test_without_a_seed_one_is_drawn_from_np_random() -> None:
    """The first reset draws a seed; later resets continue its stream of episodes."""

    def answered(draw: int) -> list[Any]:
        env = gym.make(DIGITS)
        env.unwrapped.np_random = np.random.default_rng(draw)
        return [env.reset() for _ in range(5)]

    assert same(answered(1), answered(1))
    assert not same(answered(1), answered(2))
    assert not same(answered(1)[0], answered(1)[1])


def test_reset_shows_the_requested_example() -> None:
    """The glimpse is as large as the image, so its pixels tell which example is shown."""
    env = gym.make(DIGITS, split="test", retina={"patch": 8}, initial_location="centre")
    shown = [env.reset(options={"example": number}) for number in (7, 8, 7)]
    assert same(shown[0], shown[2]) and not same(shown[0], shown[1])
    env = env.unwrapped
    assert isinstance(env, GlimpseEnv)
    images = env._lane.env._images.numpy()  # type: ignore[attr-defined]
    assert np.array_equal(np.rint(shown[0][0]["glimpse"][0] * 255), images[7])


def test_environments_share_nothing_that_changes() -> None:
    """Environments of the same data share neither episodes nor the generators of their spaces."""
    one, other, alone = (gym.make(DIGITS) for _ in range(3))
    for env in (one, alone):
        env.reset(seed=1)
        env.action_space.seed(1)
    other.reset(seed=2)
    other.action_space.seed(2)
    other.action_space.sample()
    for _ in range(4):
        other.step(other.action_space.sample())
        assert same(one.step(one.action_space.sample()), alone.step(alone.action_space.sample()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"example": 99_999}, "whole number from 0 to 358, got 99999"),
        ({"example": -1}, "whole number from 0 to 358"),
        ({"example": 1.5}, "whole number"),
        ({"example": [1, 2]}, "whole number"),
        ({"exmple": 1}, "knows the options 'example', got 'exmple'"),
    ],
)
def test_a_wrong_reset_option_is_refused(options: dict[str, Any], message: str) -> None:
    """The message says what was expected and what was given."""
    with pytest.raises(ValueError, match=message):
        gym.make(DIGITS, split="test").reset(options=options)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"look": [0, 0]}, "keys 'answer', 'look', got 'look'"),
        ({"look": [0, 0], "answer": 1, "stop": 1}, "keys"),
        (3, "got 3"),
        ({"look": [0, 0, 0], "answer": 1}, r"'look'.* shape \(2,\), got \(3,\)"),
        ({"look": [0, np.nan], "answer": 1}, "'look'.* finite"),
        ({"look": ["a", "b"], "answer": 1}, "'look'.* finite"),
        ({"look": [0, 0], "answer": 10}, "'answer'.* from 0 to 9, got 10"),
        ({"look": [0, 0], "answer": -1}, "'answer'.* from 0 to 9, got -1"),
        ({"look": [0, 0], "answer": 1.0}, "'answer'.* whole number"),
        ({"look": [0, 0], "answer": [1]}, r"'answer'.* shape \(\), got \(1,\)"),
    ],
)
def test_a_wrong_action_is_refused(action: Any, message: str) -> None:
    """A refused action leaves the episode as it was."""
    env = gym.make(DIGITS).unwrapped
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(action)
    assert env.step({"look": [0, 0], "answer": 1})[0]["time"] == 1


def test_a_step_needs_an_episode() -> None:
    """Stepping before the first reset, or after the end, raises ResetNeeded."""
    env = gym.make(DIGITS, glimpses=1).unwrapped
    action = {"look": [0, 0], "answer": 1}
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(action)
    env.reset()
    env.step(action)
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(action)


def test_all_wrong_options_are_named_at_once() -> None:
    """Each mistake has its own line, after the list of known options."""
    wrong: dict[str, Any] = {"glimpses": 0, "retina": {"pach": 3}, "initial_location": "middle", "clutter": 4}
    with pytest.raises(TypeError, match="^glimpse/Digits-v0 got an unexpected keyword argument 'clutter'; it has"):
        gym.make(DIGITS, **wrong)
    del wrong["clutter"]
    with pytest.raises(ValueError) as caught:
        gym.make(DIGITS, **wrong)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("glimpse/Digits-v0 has the options ") and {" data", " glimpse_cost"} <= set(
        lines[0].split(",")
    )
    assert "  glimpses: Input should be greater than or equal to 1 (got 0)" in lines
    assert "  retina.pach: there is no such option" in lines
    assert sum(line.startswith("  initial_location: ") for line in lines) == len(lines) - 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "'train', 'validation' or 'test', got 'dev'"),
        ({"canvas": {"kind": "translated", "size": 7}}, "canvas.size 7 is smaller than the images"),
        ({"canvas": {"kind": "cluttered", "size": 20, "distractor_size": 9}}, "canvas.distractor_size 9 is larger"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
        ({"initial_location": (2, 0)}, "initial_location"),
        ({"data": "digit"}, "data: .*digits"),
    ],
)
def test_a_wrong_option_is_refused_when_the_environment_is_made(options: dict[str, Any], message: str) -> None:
    """Construction raises the error, for a single environment and for a vector."""
    with pytest.raises(ValueError, match=message):
        gym.make(DIGITS, **options)
    with pytest.raises(ValueError, match=message):
        gym.make_vec(DIGITS, **options)


def test_missing_data_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the data set that is missing and may not be downloaded."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="mnist"):
        gym.make("glimpse/MNIST-v0", data_root=str(tmp_path), download=False)


def test_statistics_are_recorded() -> None:
    """RecordEpisodeStatistics records the return and the length of three steps with costs and a right answer."""
    env = gym.wrappers.RecordEpisodeStatistics(gym.make(DIGITS, glimpses=3, glimpse_cost=0.25))
    _, info = env.reset(seed=0)
    for _ in range(3):
        _, _, _, _, info = env.step({"look": [0, 0], "answer": info["label"]})
    assert (info["episode"]["r"], info["episode"]["l"]) == (0.25, 3)


def test_torch_in_and_out() -> None:
    """NumpyToTorch wraps the environment."""
    env = gym.wrappers.NumpyToTorch(gym.make(DIGITS, glimpses=2))
    observation, info = env.reset(seed=0)
    assert observation["glimpse"].dtype == torch.float32
    for _ in range(2):
        action = {"look": torch.zeros(2), "answer": torch.as_tensor(info["label"])}
        observation, reward, terminated, _, _ = env.step(action)
    assert terminated and reward == 1 and int(observation["time"]) == 2


def test_all_frames_of_an_episode_are_kept() -> None:
    """Gymnasium chooses its render wrapper for the mode rgb_array_list."""
    env = gym.make(DIGITS, render_mode="rgb_array_list", glimpses=2)
    _, info = env.reset(seed=0)
    env.step({"look": [0, 0], "answer": info["label"]})
    frames = env.render()
    assert isinstance(frames, list) and len(frames) == 2 and not same(frames[0], frames[1])
