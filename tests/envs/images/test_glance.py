"""Tests of the glance, the whole picture in coarse pixels."""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.envs.images.glance import fitted_size, take_glance
from glimpse.envs.images.options import DigitPairOptions
from glimpse.envs.make_batched import make_batched_env

Make = Callable[..., gym.Env[Any, Any]]
GLANCING = [name for name, entry in ENVIRONMENTS.items() if "glance" in resolve_name(entry.options).model_fields]


def test_a_glance_by_hand() -> None:
    """A picture twice as wide as high has bands of zeros above and below; each pixel is the mean of its cell."""
    picture = torch.zeros(1, 1, 4, 8, dtype=torch.uint8)
    picture[0, 0, :2, :2] = 255
    picture[0, 0, 2, 6] = 204
    expected = torch.zeros(4, 4)
    expected[1, 0], expected[2, 3] = 1.0, 0.2
    torch.testing.assert_close(take_glance(picture, 4)[0, 0], expected)
    torch.testing.assert_close(take_glance(picture.mT, 4)[0, 0], expected.T)


def test_sizes_keep_proportions_and_are_never_zero() -> None:
    """The longer side becomes the glance's side, whichever it is; smaller pictures are enlarged."""
    assert fitted_size(480, 640, 64) == (48, 64) and fitted_size(640, 480, 64) == (64, 48)
    assert fitted_size(1, 900, 16) == (1, 16) and fitted_size(8, 8, 16) == (16, 16)
    assert take_glance(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8), 5).eq(1).all()


def test_pictures_are_reduced_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of the batch give the same as the whole."""
    pictures = torch.randint(0, 256, (7, 3, 9, 6), dtype=torch.uint8)
    whole = take_glance(pictures, 4)
    monkeypatch.setattr("glimpse.envs.images.glance._MOST_NUMBERS", 400)
    assert torch.equal(take_glance(pictures, 4), whole)


@pytest.mark.parametrize("name", GLANCING)
def test_every_image_environment_shows_a_glance(name: str, make: Make) -> None:
    """It lies in its space, is that of the example, and stays the same within an episode."""
    env = make(name, glance=7, render_mode="rgb_array")
    first, _ = env.reset(seed=3)
    space = cast(gym.spaces.Dict, env.observation_space)
    assert space["glance"].shape == (first["glance"].shape[0], 7, 7) and first["glance"].any()
    env.action_space.seed(0)
    later, *_ = env.step(env.action_space.sample())
    np.testing.assert_array_equal(later["glance"], first["glance"])
    plain = resolve_name(ENVIRONMENTS[name].options).model_validate({"name": name})
    if plain.glance is None:
        without = make(name, render_mode="rgb_array")
        without.reset(seed=3)
        assert np.asarray(env.render()).shape[1] > np.asarray(without.render()).shape[1]


def test_copies_and_reset_lanes_have_the_glance_of_their_picture() -> None:
    """A lane's glance is that of its own example, also after it alone is reset."""
    env: BatchedEnv = make_batched_env("digits", glance=8)
    example, key = torch.tensor([4, 9]), torch.zeros(2, dtype=torch.int64)
    seen = env.reset(example, key, copies=2)["glance"]
    own = env.picture().float() / 255  # type: ignore[attr-defined]
    torch.testing.assert_close(seen, own)
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])
    env.reset(example, key)
    again = env.reset_lanes(torch.tensor([1]), torch.tensor([4]), key[:1])["glance"]
    assert torch.equal(again, seen[[0, 0]])


def test_runs_of_earlier_versions_have_a_context() -> None:
    """The option was called `context`; given beside `glance` it is unknown."""
    assert DigitPairOptions.model_validate({"name": "digit-pair", "context": 9}).glance == 9
    with pytest.raises(ValueError, match="context"):
        DigitPairOptions.model_validate({"name": "digit-pair", "context": 9, "glance": 9})
