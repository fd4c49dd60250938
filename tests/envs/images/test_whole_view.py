"""Tests of the whole view, which shows the picture at every step, wherever the agent looks."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from torch import Tensor

from glimpse.envs.faces.stable_baselines3_face import make_sb3_env
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import AugmentOptions
from glimpse.envs.images.whole_view import WholeView

DIGITS = "glimpse/Digits-v0"


def make_env(height: int = 6, width: int = 9, augment: bool = False, **task: Any) -> Classification:
    """Make an environment of random colour images in three classes."""
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (7, 3, height, width), generator=noise, dtype=torch.uint8)
    data = ImageData(images, torch.arange(7) % 3, ("a", "b", "c"))
    options = ClassificationOptions.model_validate({"name": "images", "view": "whole", "glimpses": 3, **task})
    return Classification(options, data, augment=AugmentOptions(shift=1) if augment else None)


def look_at(*location: float) -> dict[str, Tensor]:
    """Return the same look and answer for five lanes."""
    return {"look": torch.tensor([location] * 5), "answer": torch.zeros(5, dtype=torch.int64)}


CANVAS = {"kind": "cluttered", "size": 12, "distractors": 2, "distractor_size": 3}


@pytest.mark.parametrize("options", [{}, {"augment": True}, {"canvas": CANVAS}], ids=str)
def test_each_step_shows_the_picture_itself(options: dict[str, Any]) -> None:
    """It is resident, warped or made for the episode; `location` is where the agent looked."""
    env = make_env(**options)
    observation = env.reset(torch.tensor([3, 0, 6, 6, 2]), torch.arange(5))
    picture = env.picture()
    assert picture.shape[0] == 5 and picture.dtype == torch.uint8
    for location in ((-1.0, 1.0), (0.25, -0.5)):
        assert observation["glimpse"].dtype == torch.float32
        assert torch.equal(observation["glimpse"], picture[:, None] / 255)
        observation = env.step(look_at(*location)).observation
        assert observation["location"].tolist() == [list(location)] * 5


def test_without_a_canvas_the_picture_is_the_example() -> None:
    """Every pixel is shown, of images that are not square."""
    env = make_env()
    example = torch.tensor([3, 0, 6])
    observation = env.reset(example, example, copies=2)
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (7, 3, 6, 9), generator=noise, dtype=torch.uint8)
    assert torch.equal(observation["glimpse"], images[example.repeat_interleave(2), None] / 255)
    assert env.observation_space["glimpse"].shape == (1, 3, 6, 9)


def test_reset_lanes_show_their_new_picture() -> None:
    """The other lanes keep theirs."""
    env = make_env(canvas=CANVAS)
    before = env.reset(torch.tensor([3, 0, 6, 6, 2]), torch.arange(5))["glimpse"].clone()
    after = env.reset_lanes(torch.tensor([1, 3]), torch.tensor([5, 5]), torch.tensor([40, 41]))["glimpse"]
    same = (before == after).flatten(1).all(1)
    assert same.tolist() == [True, False, True, False, True]
    assert torch.equal(after, env.picture()[:, None] / 255)


def test_a_step_copies_no_picture(trace: Callable[[Callable[[], object]], Any]) -> None:
    """The memory that a step allocates does not grow with the picture."""
    allocated = []
    for side in (6, 60):
        env = make_env(side, side, glimpses=1000)
        env.reset(torch.arange(5), torch.arange(5))
        allocated.append(trace(lambda env=env: env.step(look_at(0.5, 0.5))).bytes)  # type: ignore[misc]  # bound now
    assert allocated[0] == allocated[1]


def test_the_box_is_the_whole_picture() -> None:
    """The box that is drawn does not depend on the location."""
    view = WholeView(6, 9)
    assert view.boxes(np.array([0.9, -1.0])) == [(0, 0, 9, 6)]
    images = torch.arange(54, dtype=torch.uint8).view(1, 1, 6, 9)
    assert torch.equal(view.restore(view.prepare(images)), images)


def test_the_gymnasium_face_passes_the_checker_and_draws() -> None:
    """check_env passes, and frames keep one size while the location changes."""
    env = gym.make(DIGITS, view="whole", glimpses=2, render_mode="rgb_array")
    check_env(env.unwrapped, skip_render_check=False)
    observation, _ = env.reset(seed=0)
    assert observation["glimpse"].shape == (1, 1, 8, 8)
    first: Any = env.render()
    second_observation, *_ = env.step({"look": [0.5, 0.5], "answer": 0})
    second: Any = env.render()
    assert np.array_equal(observation["glimpse"], second_observation["glimpse"])
    assert first.shape == second.shape and not np.array_equal(first, second)


def test_a_picture_that_is_not_square_is_drawn() -> None:
    """The frame has the image twice: as the scene and as the glimpse."""
    env = make_env()
    observation = env.reset(torch.arange(2), torch.arange(2))
    frame = env.frame(0, [{name: part[0].numpy() for name, part in observation.items()}])
    assert frame.dtype == np.uint8 and frame.shape[2] == 3
    assert frame.shape[1] > 2 * 256  # Both are at least so wide.


def test_the_stable_baselines3_face_shows_a_vector() -> None:
    """The observation is one vector of all pixels."""
    env = make_sb3_env("digits", 3, view="whole", seed=0)
    observation: Any = env.reset()
    assert observation["glimpse"].shape == (3, 64) and observation["glimpse"].max() > 0.9
