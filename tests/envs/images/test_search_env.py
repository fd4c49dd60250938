"""Tests of what environments know of the looks that show their targets."""

from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import is_teaching
from glimpse.envs.images.boxed_data import FindData
from glimpse.envs.images.find import Find
from glimpse.envs.images.picture_store import store_pictures
from glimpse.envs.images.search_env import SearchEnv
from glimpse.envs.images.search_options import FindOptions
from glimpse.envs.make_batched import make_batched_env

SEARCHES: dict[str, dict[str, Any]] = {
    "find": {"data": "cells", "object": None, "zoom": {"levels": 4}},
    "megapixel-mnist": {"data": "digits", "size": 300, "strokes": 8, "zoom": {"levels": 3}},
    "photo-search": {"data": "digits", "photographs": "scikit-learn", "zoom": {"levels": 4}},
}
"""Small tasks of every environment with targets."""


def _find(**options: Any) -> Find:
    """Return one picture of 40 x 80 pixels with a box of 20 x 20 around (-0.25, 0), and one around (0.75, -0.5)."""
    store = store_pictures([np.zeros((1, 40, 80), np.uint8)], [(40, 80)], 1)
    boxes = torch.tensor([[[-0.5, -0.5, 0.0, 0.5], [0.5, -1.0, 1.0, 0.0]]])
    given = {"name": "find", "glimpses": 3, "retina": {"patch": 8}, "initial_location": "centre", **options}
    return Find(FindOptions.model_validate(given), FindData(store, torch.tensor([0]), boxes))


def _look(env: Find, *at: float, zoom: Any = None) -> dict[str, Any]:
    """Look somewhere, and return what the teacher would do after it."""
    env.step({"look": torch.tensor([at]), **({} if zoom is None else {"zoom": torch.tensor([zoom])})})
    return env.teaching()


def test_the_finest_window_with_room_for_the_target() -> None:
    """Windows are 8, 17.2, 37.1 and 80 pixels wide: 30 pixels are asked for around 20. What it shows is seen."""
    env = _find(zoom={"levels": 4, "initial": 1.0})
    env.reset(torch.tensor([0]), torch.tensor([0]))
    first = env.teaching()
    assert first["look"].tolist() == [[[-0.25, 0.0], [0.75, -0.5]]] and first["zoom"].tolist() == [[2, 2]]
    assert first["seen"].tolist() == [[False, False]]  # The whole picture is too coarse.
    assert _look(env, -0.25, 0.0, zoom=2)["seen"].tolist() == [[True, False]]
    assert _look(env, 0.75, -0.5, zoom=0)["seen"].tolist() == [[False, True]]  # The teacher does not remember.


def test_any_zoom() -> None:
    """A window of 30 pixels has zoom log(30 / 8) / log(80 / 8)."""
    env = _find(zoom={"continuous": True, "initial": 0.5})
    env.reset(torch.tensor([0]), torch.tensor([0]))
    wanted = np.log(30 / 8) / np.log(10)
    assert env.teaching()["zoom"].flatten().tolist() == pytest.approx([wanted, wanted])
    assert _look(env, -0.25, 0.0, zoom=[wanted + 0.02])["seen"].tolist() == [[False, False]]
    assert _look(env, -0.25, 0.0, zoom=[wanted])["seen"].tolist() == [[True, False]]


def test_without_a_zoom_the_window_is_as_it_is() -> None:
    """A window of 8 pixels around (-0.2, 0) holds the middle (-0.25, 0), 2 pixels to the left; that of (0, 0) not."""
    env = _find()
    env.reset(torch.tensor([0]), torch.tensor([0]))
    assert "zoom" not in env.teaching() and not env.teaching()["seen"].any()
    assert _look(env, -0.2, 0.0)["seen"].tolist() == [[True, False]]


def test_every_environment_with_targets_is_here() -> None:
    """Their options say so."""
    options = {name: resolve_name(entry.options) for name, entry in ENVIRONMENTS.items()}
    assert set(SEARCHES) == {name for name, one in options.items() if getattr(one, "has_targets", False)}


def test_decoys_are_looked_at_too() -> None:
    """In a photograph a digit cannot be told from six decoys; the digit comes first, and is the target."""
    env = make_batched_env("photo-search", split="test", **SEARCHES["photo-search"])
    env.reset(torch.arange(2), torch.arange(2))
    assert isinstance(env, SearchEnv)
    assert env.candidates().shape == (2, 7, 4) and torch.equal(env.candidates()[:, :1], env.targets())
    assert env.teaching()["look"].shape == (2, 7, 2)


@pytest.mark.parametrize("name", SEARCHES)
def test_who_looks_where_the_teacher_would_sees_the_target(name: str) -> None:
    """Each target in turn is seen, and its middle is brighter or darker than its window, or has a colour."""
    env = make_batched_env(name, split="test", glimpses=9, retina={"patch": 32}, **SEARCHES[name])
    assert is_teaching(env)
    assert isinstance(env, SearchEnv)
    observation = env.reset(torch.arange(6), torch.arange(6))
    taught = env.teaching()
    assert (env.candidates().abs() <= 1).all() and not taught["seen"].all()
    for target in range(taught["look"].shape[1]):
        look = {part: value[:, target] for part, value in taught.items() if part != "seen"}
        answer = {part: torch.as_tensor(np.stack([space.sample()] * 6)) for part, space in env.action_space.items()}
        observation = env.step({**answer, **look}).observation
        assert env.teaching()["seen"][:, target].all()
        assert (observation["glimpse"][:, 0, :, 8:24, 8:24].flatten(1).std(1) > 0.01).all()
        if target == 7:
            break
