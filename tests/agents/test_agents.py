"""Every agent plays and learns in every environment that it fits; a new registry entry is a new test."""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.agents.ability_questions import stops_when_all_done
from glimpse.agents.agent import Agent, LearningAgent
from glimpse.agents.update_losses import losses, needs_rollout
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.runs.rollout import labelled_batch, play

MakeSmall = Callable[[str, str, dict[str, Any], dict[str, Any]], tuple[Agent, VisualEnv]]
PAIRS = [
    (agent, env)
    for agent, row in AGENTS.items()
    for env, shown in ENVIRONMENTS.items()
    if shown.kind in row.kinds and row.task.keys() <= resolve_name(shown.options).model_fields.keys()
]
CLASSIFIERS = [agent for agent, row in AGENTS.items() if "classification" in row.kinds]


def check_play_and_learning(agent: Agent, env: VisualEnv) -> None:
    """Check shapes against the spaces, and that loss and gradients are finite, and some gradients not zero."""
    example = torch.arange(3)
    episode = play(env, agent, example, example, copies=2, record=True)
    steps = len(episode.reward) if stops_when_all_done(agent) else agent.steps
    for name, space in env.observation_space.items():
        assert episode.observation[name].shape == (steps, 6, *(space.shape or ()))
    if "look" in env.action_space.spaces:
        assert episode.action["look"].shape == (steps, 6, 2) and episode.action["look"].dtype == torch.float32
    assert set(episode.action) == set(env.action_space.spaces)
    assert episode.answer.shape == (steps, 6, len(env.classes)) and episode.reward.shape == (steps, 6)
    if not isinstance(agent, LearningAgent):
        return  # Stable-Baselines3 trains its policies itself.
    total, terms = next(losses(agent, episode if needs_rollout(agent) else labelled_batch(env, example, example)))
    assert total.isfinite() and all(term.isfinite() for term in terms.values())
    named = dict(agent.named_parameters())
    gradients = dict(zip(named, torch.autograd.grad(total, list(named.values()), allow_unused=True), strict=True))
    assert all(gradient.isfinite().all() for gradient in gradients.values() if gradient is not None)
    for part in ("glimpse_network", "core", "classifier", "network"):
        assert all(gradient is not None for name, gradient in gradients.items() if name.startswith(part))
    assert any(gradient is not None and gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize(("agent", "env"), PAIRS)
def test_every_agent_plays_and_learns_in_every_environment_that_it_fits(
    agent: str, env: str, make_small: MakeSmall
) -> None:
    """The environment's options are its defaults."""
    check_play_and_learning(*make_small(agent, env, {}, {}))


@pytest.mark.parametrize("agent", CLASSIFIERS)
@pytest.mark.parametrize(
    "options",
    [
        {"agent": {"recurrent_core": "lstm", "classification": "every_step", "label_smoothing": 0.1}},
        {"env": {"stop": True, "glimpse_cost": 0.01}},
        {"env": {"stop": True, "reward": "each_step", "initial_location": "centre"}},
        {"env": {"glimpses": 1}},
        {"env": {"glimpses": 1, "stop": True}},
        {"env": {"view": "whole"}},
        {"env": {"retina": {"patch": 2, "scales": 3}}},
    ],
    ids=str,
)
def test_every_agent_takes_every_option_of_its_kind(agent: str, options: dict[str, Any], make_small: MakeSmall) -> None:
    """Recurrent core, losses, stopping, a single glimpse, several scales and the whole picture."""
    known = resolve_name(AGENTS[agent].options).model_fields
    given = {key: value for key, value in options.get("agent", {}).items() if key in known}
    check_play_and_learning(*make_small(agent, "digits", given, options.get("env", {})))


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
def test_every_agent_that_learns_locations_takes_every_baseline(
    agent: str, own: dict[str, Any], baseline: str, make_small: MakeSmall
) -> None:
    """With the policy reward `probability`, and a learned sigma where there is one."""
    check_play_and_learning(
        *make_small(agent, "digits", {"baseline": baseline, "policy_reward": "probability", **own}, {})
    )
