"""Every agent in every world, for a few episodes. A new line in either table is a new test."""

from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.agents.ram import RecurrentAttention
from glimpse.envs import WORLDS
from glimpse.envs.classify import Classification
from glimpse.envs.datasets import load_images
from glimpse.rollout import play

SMALL: dict[str, Any] = {"glimpse_width": 6, "place_width": 6, "feature_width": 8, "memory_width": 8}


def make(agent: str, world: str, agent_options: Any, world_options: Any) -> tuple[RecurrentAttention, Classification]:
    """A small agent in a world that shows scikit-learn's digits."""
    row = WORLDS[world]
    task = resolve_name(row.options).model_validate({"name": world, "data": "digits", **world_options})
    made_world = resolve_name(row.core)(task, load_images("digits", "train"))
    options = resolve_name(AGENTS[agent].options).model_validate({**SMALL, **agent_options})
    torch.manual_seed(0)
    made = resolve_name(AGENTS[agent].factory)(options, made_world.observation_space, made_world.action_space)
    return made, made_world


def check_play_and_learning(agent: RecurrentAttention, world: Classification) -> None:
    """Shapes as the spaces say, a finite loss, and finite gradients for what the loss depends on."""
    steps = agent.steps
    example = torch.arange(3)
    episode = play(world, agent, example, example, copies=2, record=True)
    assert episode.observation["glimpse"].shape[:2] == (steps, 6)
    assert episode.observation["glimpse"].shape[2:] == world.observation_space["glimpse"].shape
    assert episode.action["look"].shape == (steps, 6, 2) and episode.action["look"].dtype == torch.float32
    assert set(episode.action) == set(world.action_space.spaces)
    assert episode.answer.shape == (steps, 6, 10) and episode.reward.shape == (steps, 6)
    total, terms = agent.loss(episode)
    assert total.isfinite() and all(term.isfinite() for term in terms.values())
    parameters = list(agent.parameters())
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)
    named = dict(zip(dict(agent.named_parameters()), gradients, strict=True))
    for part in ("glimpse_network", "core", "classifier"):
        assert all(gradient is not None for name, gradient in named.items() if name.startswith(part))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_plays_and_learns_in_every_world(agent: str, world: str) -> None:
    """With the world's own retina and canvas."""
    check_play_and_learning(*make(agent, world, {}, {"glimpses": 3}))


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "options",
    [
        {"agent": {"core": "lstm", "classification": "every_step", "label_smoothing": 0.1}},
        {"world": {"stop": True, "glimpse_cost": 0.01}},
        {"world": {"stop": True, "reward": "each_step", "first_place": "centre"}},
        {"world": {"glimpses": 1}},
        {"world": {"glimpses": 1, "stop": True}},
        {"world": {"retina": {"patch": 2, "scales": 3}}},
    ],
    ids=str,
)
def test_every_agent_takes_every_option_of_its_kind(agent: str, options: dict[str, Any]) -> None:
    """Cores, losses, stopping, a single glimpse, several scales."""
    given = {"glimpses": 3, **options.get("world", {})}
    check_play_and_learning(*make(agent, "digits", options.get("agent", {}), given))


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average", "leave_one_out", "self_critical"])
@pytest.mark.parametrize("agent", ["ram", "path"])
def test_every_baseline(agent: str, baseline: str) -> None:
    """For each agent that learns where to look."""
    options = {"baseline": baseline, "credit": "probability", "sigma": {"schedule": "learned"}}
    check_play_and_learning(*make(agent, "digits", options, {"glimpses": 3}))
