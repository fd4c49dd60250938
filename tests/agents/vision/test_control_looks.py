"""Policies of looks that are controls: fixed, random and salient looks, one learned path, and none at all."""

from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.ability_questions import adapts_locations, has_locator, learns_locations
from glimpse.agents.options import SigmaOptions
from glimpse.agents.vision.anytime import Anytime, make_anytime
from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.control_looks import PathLooks
from glimpse.agents.vision.encoder_options import ConvolutionEncoderOptions
from glimpse.agents.vision.look_network import PooledGlance
from glimpse.agents.vision.look_policy import ZoomChoice
from glimpse.agents.vision.plain_encoders import ConvolutionEncoder
from glimpse.agents.vision.salient_looks import SalientLooks, local_variance
from glimpse.config.files import load_experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.evaluation.image_evaluator import ImageEvaluator
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {
    "encoder": {"kind": "mlp", "widths": [8]},
    "feature_width": 8,
    "memory_width": 8,
    "policy_width": 4,
    "frequencies": 1,
    "cells": 4,
}


def squares(count: int = 6) -> ImageData:
    """Return noise of 16 x 16 in two classes, with its numbers scaled down from the top left to the bottom right."""
    noise = torch.randint(0, 256, (count, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    fades = torch.linspace(1, 0, 16)
    return ImageData((noise * fades * fades[:, None]).to(torch.uint8), torch.arange(count) % 2, ("a", "b"))


def make_world(look_policy: str, agent: dict[str, Any] | None = None, **task: Any) -> tuple[Anytime, Classification]:
    """Return an agent with this policy of looks, and a world with three zooms and a glance."""
    given = {"retina": {"patch": 4}, "zoom": {"levels": 3}, "glance": 8, "glimpses": 4, "initial_location": "centre"}
    env = Classification(ClassificationOptions.model_validate({"name": "images", **given, **task}), squares())
    torch.manual_seed(0)
    options = AnytimeOptions.model_validate({**SMALL, "look_policy": look_policy, **(agent or {})})
    return make_anytime(options, env.observation_space, env.action_space), env


def chosen(look_policy: str, greedy: bool = True, **agent: Any) -> tuple[Tensor, Tensor]:
    """Return the locations (T, 6, 2) and the zooms (T, 6) that an agent chooses in six episodes."""
    made, env = make_world(look_policy, agent)
    made.eval()
    episode = play(env, made, torch.arange(6), torch.arange(6), greedy=greedy)
    return episode.action["look"], episode.action["zoom"]


@pytest.mark.parametrize(("look_zoom", "level"), [(None, 0), (0.5, 1), (0.8, 2)])
def test_the_centre_is_looked_at(look_zoom: float | None, level: int) -> None:
    """At each step, with the level that is nearest to the zoom of the option; the finest by default."""
    look, zoom = chosen("centre", greedy=False, look_zoom=look_zoom)
    assert look.eq(0).all() and zoom.eq(level).all()


def test_a_raster_goes_row_by_row() -> None:
    """Of 2 x 2 cells the first is the environment's, so that the agent goes on with the second."""
    look, zoom = chosen("raster")
    assert look[:, 0].tolist() == [[0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5]] and zoom.eq(0).all()
    assert look.eq(look[:, :1]).all()


def test_random_looks_are_random_when_greedy_too() -> None:
    """Pictures have different looks, and zooms; with a zoom of the option only the locations are random."""
    look, zoom = chosen("random")
    assert (
        look.abs().max() <= 1
        and len(look.flatten(0, 1).unique(dim=0)) == 24
        and set(zoom.flatten().tolist()) <= {0, 1, 2}
    )
    assert len(zoom.unique()) > 1
    assert chosen("random", look_zoom=1)[1].eq(2).all()


def test_a_path_is_one_for_all_pictures() -> None:
    """It begins at the centre, and after an update it is still the same for each picture, with zooms of its own."""
    agent, env = make_world("path", {"sigma": {"start": 0.3, "end": 0.3}})
    example, optimiser = torch.arange(6), torch.optim.SGD(agent.parameters(), lr=1.0)
    agent.loss(play(env, agent, example, example, copies=4, record=True)).total.backward()
    optimiser.step()
    agent.eval()
    action = play(env, agent, example, example, greedy=True).action
    assert action["look"].eq(action["look"][:, :1]).all() and action["zoom"].eq(action["zoom"][:, :1]).all()
    assert action["look"][:3].ne(0).all() and action["look"][3].eq(0).all()  # No glimpse follows the last one.
    assert isinstance(agent.policy, PathLooks) and agent.policy.path_zoom is not None
    assert agent.policy.path_zoom[:3].ne(0).any(1).all()


def test_a_path_finds_the_best_place_and_zoom() -> None:
    """Of reward 1 for looks right of the centre at zoom 1, and 0 for others, it learns both."""
    torch.manual_seed(0)
    policy = PathLooks(1, ZoomChoice(levels=2), SigmaOptions(start=0.3, end=0.3))
    optimiser, time = torch.optim.Adam(policy.parameters(), lr=0.05), torch.zeros(256, dtype=torch.int64)
    nothing = torch.zeros(256, 1)
    for _ in range(40):
        parts = policy(nothing, time, nothing, nothing)
        action = policy.sample({name: part.detach() for name, part in parts.items()}, torch.randn(256, 3), False)
        reward = ((action["look"][:, 0] > 0) & (action["zoom"] == 1)).float()
        loss = -(policy.log_prob(parts, action) * (reward - reward.mean())).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    best = policy.sample(policy(nothing, time, nothing, nothing), nothing.expand(-1, 3), True)
    assert best["look"][0, 0] > 0.2 and best["zoom"].eq(1).all(), best


def test_the_variance_of_cells() -> None:
    """Columns 0 and 1 have a variance of 1/4; one pixel of four has 3/16; an even cell has none."""
    glance = torch.zeros(1, 1, 4, 4)
    glance[0, 0, :2, 0] = 1  # top left
    glance[0, 0, 3, 3] = 1  # bottom right
    glance[0, 0, 2:, :2] = 0.7  # bottom left
    found = local_variance(glance, torch.ones(1, 2), 2)
    torch.testing.assert_close(found, torch.tensor([[1 / 4, 0, 0, 3 / 16]]))


def test_the_black_beside_a_picture_is_not_salient() -> None:
    """Of a picture half as wide as high only the columns in the middle are its own: left and right halves are even."""
    glance = torch.zeros(1, 1, 4, 4)
    glance[..., 1:3] = 1
    assert local_variance(glance, torch.tensor([[0.5, 1.0]]), 2).eq(0).all()
    assert local_variance(glance, torch.tensor([[1.0, 1.0]]), 2).gt(0).all()


@pytest.mark.parametrize(("last", "expected"), [(False, [0, 3, 1, 2, 0]), (True, [0, 2, 1, 3, 0])])
def test_salient_looks_go_from_the_most_varied_cell(last: bool, expected: list[int]) -> None:
    """Each cell is looked at once before the first comes again; where the last look answers, the order is reversed."""
    policy = SalientLooks(5, ZoomChoice(levels=3), 2, 0.0, last)
    glance = torch.zeros(1, 1, 4, 4)
    glance[0, 0, :2, 0], glance[0, 0, 3, 3] = 1, 1
    keys = policy.keys(None, torch.ones(1, 2), glance)
    time = torch.arange(5)[:, None]
    located = policy(torch.zeros(5, 1, 3), time, keys, torch.zeros(5, 1, 0))["location"]
    centres = [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    assert located[:, 0].tolist() == [centres[cell] for cell in expected]


def test_salient_looks_follow_the_picture() -> None:
    """Noise that fades to the bottom right is looked at in the top left cell first, at the zoom of the option."""
    look, zoom = chosen("saliency", look_zoom=0.5)
    assert look[0].eq(-0.5).all() and zoom.eq(1).all()
    assert all(len(look[:, lane].unique(dim=0)) == 4 for lane in range(6))


@pytest.mark.parametrize("reading", ["map", "mean", "attention"])
def test_the_glance_alone(reading: str) -> None:
    """Answers do not depend on glimpses, nor on the step; they do on the glance, and all parameters learn."""
    agent, env = make_world("none", {"glance_reading": reading})
    example = torch.arange(6)
    episode = play(env, agent, example, example, record=True)
    assert episode.answer.eq(episode.answer[:1]).all() and len(episode.answer[0].unique(dim=0)) == 6
    first = {name: part[0] for name, part in episode.observation.items()}
    other = {**first, "glimpse": first["glimpse"].flip(0)}
    memory = agent.initial_memory(first)
    assert torch.equal(agent(first, memory)[0].answer, agent(other, memory)[0].answer)
    agent.loss(episode).total.backward()
    assert all(parameter.grad is not None for parameter in agent.parameters())
    evaluator = ImageEvaluator(load_experiment("digits-ram"))
    assert evaluator.cost(agent, env).pixels == 64 and not has_locator(agent)
    seeing = make_world("both")[0]
    assert evaluator.cost(seeing, env).pixels == 64 + 4 * 16 and has_locator(seeing)


def test_attention_weighs_the_places_of_a_glance() -> None:
    """With a query of zeros it is the mean; with a steep one the place whose key is the largest."""
    encoder = ConvolutionEncoder(ConvolutionEncoderOptions(), (1, 8, 8))
    maps = torch.randn(2, encoder.width, 3, 3)
    mean, attended = PooledGlance(encoder, 5, False), PooledGlance(encoder, 5, True)
    assert attended.attention is not None
    with torch.no_grad():
        attended.attention.question.zero_()
        torch.testing.assert_close(attended.pooled(maps), mean.pooled(maps))
        torch.testing.assert_close(mean.pooled(maps), maps.mean((2, 3)))
        attended.attention.hidden.weight.copy_(torch.eye(5, encoder.width))
        attended.attention.hidden.bias.zero_()
        attended.attention.question.copy_(torch.tensor([1000.0, 0, 0, 0, 0]))
        flat = maps.flatten(2)
        torch.testing.assert_close(attended.pooled(maps)[0], flat[0, :, flat[0, 0].argmax()])


FACTS = {
    "both": (True, True),
    "path": (True, False),
    "saliency": (False, True),
    "random": (False, False),
    "centre": (False, False),
    "raster": (False, False),
    "none": (False, False),
}


@pytest.mark.parametrize("look_policy", FACTS)
def test_controls_are_known_as_such(look_policy: str) -> None:
    """Whether looks are learned, and can differ between pictures, decides about warnings; titles name controls."""
    agent, env = make_world(look_policy, {"pretraining": 0.5})
    assert (learns_locations(agent), adapts_locations(agent)) == FACTS[look_policy]
    assert agent.in_warmup == FACTS[look_policy][0]
    assert agent.options.title == ("anytime" if look_policy == "both" else f"anytime, {look_policy}")
    episode = play(env, agent, torch.arange(6), torch.arange(6), copies=2, record=True)
    loss = agent.loss(episode)
    assert loss.total.isfinite() and (loss.terms["policy_loss"] == 0) == (not FACTS[look_policy][0])


@pytest.mark.parametrize("look_policy", ["saliency", "none"])
def test_a_glance_is_needed(look_policy: str) -> None:
    """The error says which option of the task gives one."""
    with pytest.raises(Exception, match=f"look_policy: {look_policy!r} needs a glance: give task.glance, such as 64"):
        load_experiment("digits-anytime", [f"agent.look_policy={look_policy}", "task.glance=null"])
