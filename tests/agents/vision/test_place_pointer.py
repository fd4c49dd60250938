"""Pointing by attention: where places are and what errors they give, by hand; and it finds what only looks can show."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.update_losses import losses
from glimpse.agents.vision.anytime import Anytime, make_anytime
from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.look_network import LookNetwork
from glimpse.agents.vision.place_pointer import PlacePointer, Places, glance_window, place_locations, point_errors
from glimpse.envs.images.boxed_data import FindData
from glimpse.envs.images.find import Find
from glimpse.envs.images.picture_store import store_pictures
from glimpse.envs.images.search_options import FindOptions
from glimpse.runs.rollout import play

CORNERS = [(4, 4), (4, 52), (36, 4), (36, 52)]
"""Top and left of four squares of 8 x 8, in pictures of 48 x 64."""


def boxed(pictures: list[Any], boxes: list[tuple[int, int, int, int]]) -> FindData:
    """Return grey pictures (H, W), with one box of pixels each."""
    height, width = pictures[0].shape
    store = store_pictures([one[None] for one in pictures], [(height, width)] * len(pictures), 1)
    sides = torch.tensor([width, height, width, height])
    return FindData(store, torch.arange(len(pictures)), (torch.tensor(boxes)[:, None] / sides * 2 - 1).float())


def stripes() -> FindData:
    """Return four pictures with stripes in four squares, level but in one of them: a look at the whole sees greys."""
    line = (np.arange(8) % 2 * 255).astype(np.uint8)
    pictures, boxes = [], []
    for target in range(4):
        picture = np.zeros((48, 64), np.uint8)
        for number, (top, left) in enumerate(CORNERS):
            square = np.tile(line, (8, 1))
            picture[top : top + 8, left : left + 8] = square if number == target else square.T
        top, left = CORNERS[target]
        pictures.append(picture)
        boxes.append((left, top, left + 8, top + 8))
    return boxed(pictures, boxes)


def make_world(options: dict[str, Any], **task: Any) -> tuple[Anytime, Find]:
    """Return an agent with some options, and the world of stripes."""
    given = {"answer": "point", "retina": {"patch": 16}, "zoom": {"levels": 2}, "glance": 16, "glimpses": 5}
    env = Find(FindOptions.model_validate({"name": "find", "initial_location": "centre", **given, **task}), stripes())
    torch.manual_seed(0)
    small = {"encoder": {"kind": "conv", "widths": [8, 16]}, "feature_width": 32, "memory_width": 32, "cells": 4}
    chosen = AnytimeOptions.model_validate({**small, "policy_width": 16, "frequencies": 2, **options})
    return make_anytime(chosen, env.observation_space, env.action_space), env


def test_places_lie_in_windows() -> None:
    """Two rows of two cells in a window; and a glance of 80 x 40 pixels, whose first and last rows show nothing."""
    found = place_locations(torch.tensor([-0.5, -1.0, 0.5, 1.0]), 2, 2)
    assert found.tolist() == [[-0.25, -0.5], [0.25, -0.5], [-0.25, 0.5], [0.25, 0.5]]
    window = glance_window(torch.tensor([[1.0, 0.5]]))
    assert window.tolist() == [[[-1.0, -2.0, 1.0, 2.0]]]
    places = PlacePointer(3, 4)(torch.rand(1, 1, 3, 4, 2), window)
    assert places.location[0, :, 1].tolist() == [-1.5, -1.5, -0.5, -0.5, 0.5, 0.5, 1.5, 1.5]
    assert (places.score[0] < -1000).tolist() == [True, True, False, False, False, False, True, True]


def test_windows_are_observed() -> None:
    """In 64 x 48 pixels, 16 pixels around the centre, and at zoom 1 the 64 pixels around the picture."""
    _, env = make_world({}, retina={"patch": 16, "scales": 2})
    seen = env.reset(torch.tensor([0]), torch.tensor([0]))
    assert env.observation_space["window"].shape == (2, 4)
    torch.testing.assert_close(seen["window"][0, 0], torch.tensor([-1, -4 / 3, 1, 4 / 3]))
    step = env.step({"look": torch.zeros(1, 2), "zoom": torch.tensor([0]), "point": torch.zeros(1, 2)})
    expected = torch.tensor([[-1 / 4, -1 / 3, 1 / 4, 1 / 3], [-1 / 2, -2 / 3, 1 / 2, 2 / 3]])
    torch.testing.assert_close(step.observation["window"][0], expected)
    assert torch.equal(step.observation["sides"], torch.tensor([[1.0, 0.75]]))


def test_an_environment_of_others_has_to_show_where_windows_are() -> None:
    """Without that, an agent that answers by a point is refused, and told what is missing."""
    agent, env = make_world({})
    shown = spaces.Dict({name: space for name, space in env.observation_space.items() if name != "window"})
    with pytest.raises(ValueError, match="where the environment shows window, too"):
        make_anytime(agent.options, shown, env.action_space)


def test_the_error_is_that_of_all_places_seen() -> None:
    """A glance of odds 1 without the object; a look of odds 1 with it, of 2; then one of odds 2 without, of 4."""
    label = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    glance = Places(torch.zeros(1, 1, 1), torch.tensor([[[[-0.5, 0.5]]]]))
    looks = Places(torch.tensor([1.0, 2.0]).log().view(2, 1, 1), torch.tensor([[[[0.5, 0.5]]], [[[0.6, 0.5]]]]))
    found = point_errors([glance, looks], label, 2)[:, 0]
    torch.testing.assert_close(found, -torch.tensor([0.5001 / 1.0001, 0.2501 / 1.0001]).log())
    # Where no place of it was seen, the error is finite and has no gradient.
    score = torch.zeros(1, 1, 1, requires_grad=True)
    unseen = point_errors([Places(score, glance.location)], label, 3)
    torch.testing.assert_close(unseen, -torch.full((3, 1), 1e-4 / 1.0001).log())
    unseen.sum().backward()
    assert score.grad is not None and not score.grad.any()


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "glance and zoom": ({}, {}),
    "no glance": ({}, {"glance": None}),
    "no zoom": ({}, {"zoom": None}),
    "scales": ({}, {"retina": {"patch": 8, "scales": 2}}),
    "tiles": ({"encoder": "mlp"}, {}),
    "none": ({"look_policy": "none"}, {}),
    "frozen": ({"encoder": {"kind": "pretrained", "side": 32}}, {}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_points_are_the_best_places_seen(name: str) -> None:
    """Acting step by step points where all places of a replay say; and what was recorded gives the same loss."""
    options, task = VARIANTS[name]
    agent, env = make_world(options, **task)
    episode = play(env, agent, torch.arange(4), torch.arange(4), copies=2, record=True)
    pointer, seen, places = agent.pointer, episode.observation, []
    assert pointer is not None and agent.sampled_point is None
    if "glance" in seen:
        maps = agent.glimpse_network.encoder(seen["glance"][0])
        places.append(pointer(maps[:, None], glance_window(seen["sides"][0])))
    for step in range(5):
        if isinstance(agent.glimpse_network, LookNetwork):
            places.append(pointer(agent.glimpse_network.maps(seen["glimpse"][step]), seen["window"][step]))
        best = torch.cat([one.score for one in places], -1).argmax(-1)
        location = torch.cat([one.location for one in places], -2)
        expected = location[torch.arange(8), best]
        torch.testing.assert_close(episode.action["point"][step], expected)
    recorded, again = agent.loss(episode), agent.loss(replace(episode, activations={}))
    torch.testing.assert_close(recorded.terms["point_error"], again.terms["point_error"], rtol=1e-4, atol=1e-6)
    recorded.total.backward()
    assert all(part.grad is not None and part.grad.isfinite().all() for part in pointer.parameters())


def hits(agent: Anytime, env: Find) -> Tensor:
    """Return the mean reward of greedy episodes."""
    return play(env, agent, torch.arange(4), torch.arange(4), greedy=True).reward.sum(0).mean()


def test_it_finds_what_only_looks_show() -> None:
    """Upright stripes in one of four squares, which the glance cannot tell from level ones."""
    agent, env = make_world({"look_policy": "grid", "pretraining": 0.2})
    optimiser, example = torch.optim.Adam(agent.parameters(), lr=5e-3), torch.arange(4)
    for step in range(120):
        agent.set_progress(step / 120)
        for loss in losses(agent, play(env, agent, example, example + 4 * step, copies=4, record=True)):
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
    agent.set_progress(1.0)
    assert hits(agent.eval(), env) == 1.0
