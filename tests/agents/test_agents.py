"""Every agent in every world that it fits, for a few episodes. A new line in either table is a new test."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.agents.agent import Agent, LearningAgent
from glimpse.envs import WORLDS
from glimpse.envs.lanes import VisualCore
from glimpse.runs.rollout import play, show

SMALL: dict[str, Any] = {
    "glimpse_width": 6,
    "place_width": 6,
    "feature_width": 8,
    "memory_width": 8,
    "attention_width": 6,
    "widths": (6, 8),
    "width": 6,
    "heads": 2,
    "patch": 4,
    "stride": 3,
    "layers": ({"filters": 2, "size": 3, "stride": 2},),
}
"""Options of agents that are smaller than their defaults; each agent takes those that it has."""
OPINIONS = Path(__file__).parents[1] / "envs" / "text" / "opinions.tsv"
PAIRS = [(agent, world) for agent, row in AGENTS.items() for world, shown in WORLDS.items() if shown.kind in row.kinds]
CLASSIFIERS = [agent for agent, row in AGENTS.items() if "classification" in row.kinds]


def make(agent: str, world: str, agent_options: Any, world_options: Any) -> tuple[Agent, VisualCore]:
    """A small agent in a world that shows scikit-learn's digits if it shows data."""
    row, named = WORLDS[world], AGENTS[agent]
    model = resolve_name(row.options)
    given = {"data": "digits", "glimpses": 3, **world_options, **named.task}
    translates = row.kind in ("translation", "interpretation")
    if translates:
        given |= {"data": "reverse", "strings": 40, "longest": 8, "max_pieces": 10, "pieces": "words"}
    if row.kind in ("text", "skim", "select"):
        given |= {"data": f"file:{OPINIONS}", "vectors": "none"}
    task = model.model_validate({"name": world} | {key: given[key] for key in given if key in model.model_fields})
    core = resolve_name(row.core)
    made_world = core(task, core.load_data(task, "train"))
    options = resolve_name(named.options)
    sizes = {**SMALL, "embedding_width": 6, "output_width": 6, "layers": 1} if translates else SMALL
    small = {key: value for key, value in sizes.items() if key in options.model_fields}
    checked = options.model_validate({"name": agent, **small, **agent_options})
    torch.manual_seed(0)
    return resolve_name(named.factory)(checked, made_world.observation_space, made_world.action_space), made_world


def check_play_and_learning(agent: Agent, world: VisualCore) -> None:
    """Shapes as the spaces say, a finite loss, and finite gradients, some of them not zero."""
    example = torch.arange(3)
    episode = play(world, agent, example, example, copies=2, record=True)
    steps = len(episode.reward) if agent.hurries else agent.steps
    for name, space in world.observation_space.items():
        assert episode.observation[name].shape == (steps, 6, *(space.shape or ()))
    if "look" in world.action_space.spaces:
        assert episode.action["look"].shape == (steps, 6, 2) and episode.action["look"].dtype == torch.float32
    assert set(episode.action) == set(world.action_space.spaces)
    assert episode.answer.shape == (steps, 6, len(world.classes)) and episode.reward.shape == (steps, 6)
    if not isinstance(agent, LearningAgent):
        return  # Stable-Baselines3 updates its policies itself.
    total, terms = agent.loss(episode if agent.plays else show(world, example, example))
    assert total.isfinite() and all(term.isfinite() for term in terms.values())
    named = dict(agent.named_parameters())
    gradients = dict(zip(named, torch.autograd.grad(total, list(named.values()), allow_unused=True), strict=True))
    assert all(gradient.isfinite().all() for gradient in gradients.values() if gradient is not None)
    for part in ("glimpse_network", "core", "classifier", "network"):
        assert all(gradient is not None for name, gradient in gradients.items() if name.startswith(part))
    assert any(gradient is not None and gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize(("agent", "world"), PAIRS)
def test_every_agent_plays_and_learns_in_every_world_that_it_fits(agent: str, world: str) -> None:
    """With the world's own retina and canvas."""
    check_play_and_learning(*make(agent, world, {}, {}))


@pytest.mark.parametrize("agent", CLASSIFIERS)
@pytest.mark.parametrize(
    "options",
    [
        {"agent": {"core": "lstm", "classification": "every_step", "label_smoothing": 0.1}},
        {"world": {"stop": True, "glimpse_cost": 0.01}},
        {"world": {"stop": True, "reward": "each_step", "first_place": "centre"}},
        {"world": {"glimpses": 1}},
        {"world": {"glimpses": 1, "stop": True}},
        {"world": {"view": "whole"}},
        {"world": {"retina": {"patch": 2, "scales": 3}}},
    ],
    ids=str,
)
def test_every_agent_takes_every_option_of_its_kind(agent: str, options: dict[str, Any]) -> None:
    """Cores, losses, stopping, a single glimpse, several scales, the whole picture; each takes what it has."""
    known = resolve_name(AGENTS[agent].options).model_fields
    given = {key: value for key, value in options.get("agent", {}).items() if key in known}
    check_play_and_learning(*make(agent, "digits", given, options.get("world", {})))


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average", "leave_one_out", "self_critical"])
@pytest.mark.parametrize(
    ("agent", "own"),
    [
        ("ram", {"sigma": {"schedule": "learned"}}),
        ("path", {"sigma": {"schedule": "learned"}}),
        ("grid", {"attention": "hard"}),
        ("grid", {"attention": "hard", "scores": "memory"}),
    ],
    ids=str,
)
def test_every_baseline(agent: str, own: dict[str, Any], baseline: str) -> None:
    """For each agent that learns where to look."""
    check_play_and_learning(*make(agent, "digits", {"baseline": baseline, "credit": "probability", **own}, {}))
