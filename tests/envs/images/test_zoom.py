"""Tests of the zoom as an action, and of pictures that keep their own sizes."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from PIL import Image

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.make_batched import make_batched_env

Make = Callable[..., gym.Env[Any, Any]]
ZOOMING = [name for name, entry in ENVIRONMENTS.items() if "zoom" in resolve_name(entry.options).model_fields]
ZOOMS: list[dict[str, Any]] = [{"levels": 3}, {"continuous": True, "initial": 0.5}]


@pytest.mark.parametrize("zoom", ZOOMS, ids=["levels", "continuous"])
@pytest.mark.parametrize("name", ZOOMING)
def test_zoom_keeps_to_the_spaces(name: str, zoom: dict[str, Any], make: Make) -> None:
    """Gymnasium's checker passes, and vector environments equal single ones to the bit."""
    options = {"zoom": zoom, "glance": 6, "render_mode": "rgb_array"}
    check_env(make(name, **options).unwrapped)
    rows = SyncVectorEnv([lambda: make(name, **options)] * 2, autoreset_mode=AutoresetMode.NEXT_STEP)
    spec = make(name, **options).spec
    assert spec is not None
    native = gym.make_vec(spec.id, num_envs=2, **spec.kwargs)
    native.action_space.seed(0)
    assert _same(native.reset(seed=2)[0], rows.reset(seed=2)[0])
    for _ in range(9):
        action = native.action_space.sample()
        assert _same(native.step(action)[0], rows.step(action)[0])


def _same(left: Any, right: Any) -> bool:
    return all(np.array_equal(left[name], right[name]) for name in right)


def test_an_episode_by_hand() -> None:
    """The first look is the coarsest; a level or a number chooses the next window; a finished episode stays."""
    options: dict[str, Any] = {"retina": {"patch": 2}, "glimpses": 2, "initial_location": "centre"}
    env = make_batched_env("digits", zoom={"levels": 3}, **options)
    first = env.reset(torch.tensor([0]), torch.tensor([0]))
    picture = cast(Any, env).picture()[0, 0].float()
    assert first["zoom"].tolist() == [[1.0]] and first["sides"].tolist() == [[1.0, 1.0]]
    corners = picture.view(2, 4, 2, 4).mean((1, 3))
    torch.testing.assert_close(first["glimpse"][0, 0, 0] * 255, corners, atol=1.0, rtol=0)
    action = {"look": torch.zeros(1, 2), "zoom": torch.tensor([0]), "answer": torch.tensor([0])}
    second = env.step(action)
    assert second.observation["zoom"].tolist() == [[0.0]]
    torch.testing.assert_close(second.observation["glimpse"][0, 0, 0] * 255, picture[3:5, 3:5])
    last = env.step({**action, "zoom": torch.tensor([2])})
    assert last.terminated.all() and torch.equal(last.observation["glimpse"], second.observation["glimpse"])
    free = make_batched_env("digits", zoom={"continuous": True, "initial": 0.25}, **options)
    assert free.reset(torch.tensor([0]), torch.tensor([0]))["zoom"].tolist() == [[0.25]]
    for given, taken in ((7.0, 1.0), (float("nan"), 0.0), (0.5, 0.5)):
        free.reset(torch.tensor([0]), torch.tensor([0]))
        seen = free.step({**action, "zoom": torch.tensor([[given]])}).observation
        assert seen["zoom"].tolist() == [[taken]]


def test_each_lane_has_its_own_zoom() -> None:
    """A lane that is reset begins with the first zoom, and the other keeps its own."""
    env = make_batched_env("digits", zoom={"levels": 5}, glimpses=4)
    key = torch.zeros(2, dtype=torch.int64)
    env.reset(torch.tensor([0, 1]), key)
    action = {"look": torch.zeros(2, 2), "zoom": torch.tensor([1, 2]), "answer": key}
    assert env.step(action).observation["zoom"].tolist() == [[0.25], [0.5]]
    assert env.reset_lanes(torch.tensor([0]), torch.tensor([3]), key[:1])["zoom"].tolist() == [[1.0], [0.5]]


def _write_mixed(folder: Path) -> None:
    """Write coloured pictures of two classes, of different shapes; the class is the colour."""
    sizes = ((30, 60), (64, 16), (20, 20), (9, 40))
    for part in ("train", "val", "test"):
        for kind, colour in (("blue", (0, 0, 250)), ("red", (250, 0, 0))):
            (folder / part / kind).mkdir(parents=True)
            for number, size in enumerate(sizes):
                Image.new("RGB", size, colour).save(folder / part / kind / f"{number}.png")


def test_pictures_of_a_folder_keep_their_sizes(tmp_path: Path) -> None:
    """With a zoom nothing is stretched or padded: sides, windows and the glance are those of each picture."""
    _write_mixed(tmp_path)
    options: dict[str, Any] = {"data": f"folder:{tmp_path}", "retina": {"patch": 4}, "glimpses": 3}
    env = make_batched_env("images", zoom={"levels": 2}, glance=8, initial_location="centre", **options)
    assert env.examples == 8 and cast(Any, env).classes == ("blue", "red")
    seen = env.reset(torch.arange(8), torch.arange(8))
    assert env.label.tolist() == [0] * 4 + [1] * 4
    wanted = torch.tensor([[0.5, 1.0], [1.0, 0.25], [1.0, 1.0], [9 / 40, 1.0]])
    torch.testing.assert_close(seen["sides"], torch.cat([wanted, wanted]))
    lit = seen["glance"][:4, 2] > 0.5
    assert lit.any(1).sum(1).tolist() == [4, 8, 8, 2] and lit.any(2).sum(1).tolist() == [8, 2, 8, 8]
    near = env.step({"look": torch.ones(8, 2), "zoom": torch.zeros(8).long(), "answer": torch.zeros(8).long()})
    corner = near.observation["glimpse"][:, 0]  # A quarter of the window lies in the picture, in its own corner.
    assert corner[4:, 0, :2, :2].ge(0.98).all() and not corner[:, :, 2:].any() and not corner[:, :, :, 2:].any()
    assert cast(Any, env).meaning().shape == (3, 0, 0)
    assert env.frame(1, [{name: part[1].numpy() for name, part in seen.items()}]).ndim == 3


def test_splits_and_mistakes_of_own_sizes(tmp_path: Path) -> None:
    """Parts are read as of other folders; whole pictures are not zoomed, and pictures of own sizes not warped."""
    _write_mixed(tmp_path)
    data = f"folder:{tmp_path}"
    counts = [make_batched_env("images", data=data, zoom={}, split=part).examples for part in ("validation", "test")]
    assert counts == [8, 8]
    with pytest.raises(ValueError, match=r"task\.zoom is given"):
        ClassificationOptions.model_validate({"name": "images", "data": data, "zoom": {}, "view": "whole"})
    (tmp_path / "test" / "green").mkdir()
    Image.new("RGB", (3, 3)).save(tmp_path / "test" / "green" / "0.png")
    with pytest.raises(Exception, match="class 'green' is not in train"):
        make_batched_env("images", data=data, zoom={}, split="test")
