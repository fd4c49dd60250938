"""The whole view: the picture as it is, at every step, wherever the agent looks."""

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
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.whole_view import WholeView
from glimpse.envs.options import AugmentOptions, ClassificationOptions

DIGITS = "glimpse/Digits-v0"


def make_world(height: int = 6, width: int = 9, augment: bool = False, **task: Any) -> Classification:
    """Three channels of noise in three classes."""
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (7, 3, height, width), generator=noise, dtype=torch.uint8)
    data = ImageData(images, torch.arange(7) % 3, ("a", "b", "c"))
    options = ClassificationOptions.model_validate({"name": "images", "view": "whole", "glimpses": 3, **task})
    return Classification(options, data, augment=AugmentOptions(shift=1) if augment else None)


def look_at(*place: float) -> dict[str, Tensor]:
    """The same look and answer in five lanes."""
    return {"look": torch.tensor([place] * 5), "answer": torch.zeros(5, dtype=torch.int64)}


CANVAS = {"kind": "cluttered", "size": 12, "pieces": 2, "piece": 3}


@pytest.mark.parametrize("options", [{}, {"augment": True}, {"canvas": CANVAS}], ids=str)
def test_each_step_shows_the_picture_itself(options: dict[str, Any]) -> None:
    """Resident, warped or made for the episode; and `location` is where the agent looked."""
    world = make_world(**options)
    observation = world.begin(torch.tensor([3, 0, 6, 6, 2]), torch.arange(5))
    picture = world.picture()
    assert picture.shape[0] == 5 and picture.dtype == torch.uint8
    for place in ((-1.0, 1.0), (0.25, -0.5)):
        assert observation["glimpse"].dtype == torch.float32
        assert torch.equal(observation["glimpse"], picture[:, None] / 255)
        observation = world.step(look_at(*place)).observation
        assert observation["location"].tolist() == [list(place)] * 5


def test_without_a_canvas_the_picture_is_the_example() -> None:
    """To the last pixel, for images that are not square."""
    world = make_world()
    example = torch.tensor([3, 0, 6])
    observation = world.begin(example, example, copies=2)
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (7, 3, 6, 9), generator=noise, dtype=torch.uint8)
    assert torch.equal(observation["glimpse"], images[example.repeat_interleave(2), None] / 255)
    assert world.observation_space["glimpse"].shape == (1, 3, 6, 9)


def test_lanes_that_begin_anew_show_their_own_picture() -> None:
    """And the others go on with theirs."""
    world = make_world(canvas=CANVAS)
    before = world.begin(torch.tensor([3, 0, 6, 6, 2]), torch.arange(5))["glimpse"].clone()
    after = world.restart(torch.tensor([1, 3]), torch.tensor([5, 5]), torch.tensor([40, 41]))["glimpse"]
    same = (before == after).flatten(1).all(1)
    assert same.tolist() == [True, False, True, False, True]
    assert torch.equal(after, world.picture()[:, None] / 255)


def test_a_step_copies_no_picture(trace: Callable[[Callable[[], object]], Any]) -> None:
    """What a step allocates does not grow with the picture."""
    taken = []
    for side in (6, 60):
        world = make_world(side, side, glimpses=1000)
        world.begin(torch.arange(5), torch.arange(5))
        taken.append(trace(lambda world=world: world.step(look_at(0.5, 0.5))).bytes)  # type: ignore[misc]  # bound now
    assert taken[0] == taken[1]


def test_what_is_covered_is_the_whole_picture() -> None:
    """Whatever the place, for drawings."""
    view = WholeView(6, 9)
    assert view.boxes(np.array([0.9, -1.0])) == [(0, 0, 9, 6)]
    images = torch.arange(54, dtype=torch.uint8).view(1, 1, 6, 9)
    assert torch.equal(view.restore(view.prepare(images)), images)


def test_the_gymnasium_face_passes_the_checker_and_draws() -> None:
    """With a picture beside the scene that has the picture's own shape."""
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
    """The image and beside it the same again."""
    world = make_world()
    observation = world.begin(torch.arange(2), torch.arange(2))
    frame = world.frame(0, [{name: part[0].numpy() for name, part in observation.items()}])
    assert frame.dtype == np.uint8 and frame.shape[2] == 3
    assert frame.shape[1] > 2 * 256  # Both are at least so wide.


def test_the_stable_baselines3_face_shows_a_vector() -> None:
    """All pixels in one row."""
    env = make_sb3_env("digits", 3, view="whole", seed=0)
    observation: Any = env.reset()
    assert observation["glimpse"].shape == (3, 64) and observation["glimpse"].max() > 0.9
