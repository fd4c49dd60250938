"""A constant return teaches no acting agent anything: the expected score of what it samples is zero.

This fails where an action is sampled under one policy and its log-probability is computed under another: under another
dropout mask, with other statistics of a batch, or for actions that were not sampled at all.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents import AGENTS, policy_gradient
from glimpse.agents.agent import LearningAgent
from glimpse.agents.update_losses import losses, needs_rollout
from glimpse.envs.lane_random import mix
from glimpse.runs.rollout import labelled_batch, play

MakeAgent = Callable[..., tuple[LearningAgent, Any]]

NO_SAMPLES = {
    *("random", "centre", "raster", "mlp", "conv", "cnn", "draw", "reader", "top-k-reader"),
    *("bahdanau", "seq2seq", "transformer"),
}
"""Agents that reinforce nothing."""
BY_SB3 = {"sb3-ppo", "sb3-a2c", "sb3-recurrent-ppo"}
"""Agents whose policy gradient is Stable-Baselines3's."""

JUMPS = {"window": {"width": 4, "pooling": "max"}, "embedding_width": 4, "dropout": 0.7}
RATIONALE = {"encoder": {"kind": "cnn", "filters": 2}, "embedding_width": 4, "dropout": 0.4}
SELECTOR = {"width": 4, "dropout": 0.4}
HARD = {"kind": "hard", "begins": 0.0, "soft": 0.3, "baseline": "none"}
READS = {"embedding_width": 4, "dropout": 0.4}
CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "ram": ("ram", "digits", {"policy_gradient_into": "core"}, {}),
    "ram, learned sigma": ("ram", "digits", {"sigma": {"schedule": "learned"}}, {}),
    "ram that stops": (
        "ram",
        "digits",
        {"policy_gradient_into": "core", "stop_policy": {"start": 20, "end": 20}},
        {"stop": True},
    ),
    "anytime": ("anytime", "digits", {"entropy": 0.0}, {"zoom": {"levels": 3}, "glance": 6}),
    "anytime, cells": (
        "anytime",
        "digits",
        {"look_policy": "grid", "cells": 3, "policy_gradient_into": "all"},
        {"zoom": {"levels": 3}, "glance": 6},
    ),
    "anytime, gaussian": ("anytime", "digits", {"look_policy": "gaussian"}, {"zoom": {"levels": 3}}),
    "anytime, any zoom": (
        "anytime",
        "digits",
        {"look_policy": "gaussian", "sigma": {"schedule": "learned"}, "update": "ppo"},
        {"zoom": {"continuous": True}},
    ),
    "path": ("path", "digits", {}, {}),
    "dram": ("dram", "digit-pair", {"policy_gradient_into": "core"}, {}),
    "hard grid": ("grid", "digits", {"attention": "hard"}, {}),
    "hard grid, scores by location": ("grid", "digits", {"attention": "hard", "scores": "memory"}, {}),
    "player": ("player", "catch", {"policy_gradient_into": "core"}, {"screen": 6}),
    "player, ppo": ("player", "catch", {"update": "ppo"}, {"screen": 6}),
    "skimmer": ("skimmer", "number-prediction", JUMPS, {}),
    "skimmer, gru": ("skimmer", "number-prediction", {**JUMPS, "recurrent_core": "gru", "baseline": "none"}, {}),
    "skimmer with a glance": ("skimmer", "skim", {**JUMPS, "recurrent_core": "rnn"}, {"choice": "keep", "window": 1}),
    "evidence": ("evidence-reader", "facts", READS, {"facts": 1, "candidates": 3, "others": 0}),
    "evidence, ppo": (
        "evidence-reader",
        "facts",
        {**READS, "update": "ppo", "recurrent_core": "rnn"},
        {"facts": 1, "candidates": 3, "others": 0},
    ),
    "evidence by queries": (
        "evidence-reader",
        "facts",
        {**READS, "recurrent_core": "lstm"},
        {"facts": 1, "point": "query", "others": 0},
    ),
    "token selector": ("token-selector", "sentence-select", {"embedding_width": 4}, {}),
    "resan": ("resan", "text", {"embedding_width": 4, "sampler": {"hidden": 4, "dropout": 0.4}, "dropout": 0.4}, {}),
    "rationale": ("rationale", "text", {**RATIONALE, "selector": SELECTOR}, {}),
    "rationale by groups of words": (
        "rationale",
        "text",
        {**RATIONALE, "selector": {**SELECTOR, "kind": "gru", "words_per_coin": 3}},
        {},
    ),
    "hard attention": ("luong", "translate", {"attention": HARD, "input_feeding": False, "dropout": 0.4}, {}),
    "monotone attention": (
        "luong",
        "translate",
        {"attention": {**HARD, "monotone": True, "reach": 2}, "input_feeding": False, "dropout": 0.4},
        {},
    ),
    "simultaneous": (
        "simultaneous-translator",
        "simultaneous-translation",
        {"dropout": 0.4, "begins": 0.0, "play_every": 1},
        {},
    ),
}


@contextmanager
def constant_returns() -> Iterator[list[Tensor]]:
    """Replace all advantages of a loss by 1, and collect its policy losses, of which any gradient is the mean score."""
    reinforce, surrogate, found = policy_gradient.reinforce, policy_gradient.clipped_surrogate, []

    def constant_reinforce(log_prob: Tensor, advantage: Tensor, step_mask: Tensor | None = None) -> Tensor:
        found.append(reinforce(log_prob, torch.ones_like(advantage), step_mask))
        return found[-1].detach()

    def constant_surrogate(log_prob: Tensor, old: Tensor, advantage: Tensor, clip: float, step_mask: Tensor) -> Tensor:
        found.append(surrogate(log_prob, old, torch.ones_like(advantage), clip, step_mask))
        return found[-1].detach()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_gradient, "reinforce", constant_reinforce)
        patch.setattr(policy_gradient, "clipped_surrogate", constant_surrogate)
        yield found


def scores(agent: LearningAgent, env: Any, batch: int, examples: int = 32) -> list[Tensor]:
    """Return the mean score of a batch of episodes, for each parameter, in training mode."""
    torch.manual_seed(batch)
    key = mix(torch.arange(examples), batch)
    example = env.draw_example(key)
    parameters = list(agent.parameters())
    if needs_rollout(agent):
        data: Any = play(env, agent, example, key, copies=2, record=True)
    else:
        data = labelled_batch(env, example, key)
    with constant_returns() as found:
        next(losses(agent, data))
    assert found, "no policy loss"
    gradients = torch.autograd.grad(torch.stack(found).sum(), parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]


def distances(agent: LearningAgent, env: Any, batches: int) -> dict[str, float]:
    """Return how far the mean score of each parameter is from zero, in standard errors; about 1 if it is zero."""
    columns = zip(*(scores(agent, env, number) for number in range(batches)), strict=True)
    found = {}
    for (name, _), column in zip(agent.named_parameters(), columns, strict=True):
        each = torch.stack(column).double()
        error = each.var(0).sum().div(batches).sqrt()
        if error > 1e-12:
            found[name] = float(each.mean(0).norm() / error)
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_expected_score_is_zero(name: str, make_small: MakeAgent) -> None:
    """This holds for each parameter, with dropout wherever the agent has it."""
    agent, env = make_small(*CASES[name])
    agent.train().set_progress(1.0)
    with torch.no_grad():
        for weight in agent.parameters():
            weight.mul_(2 if name == "ram that stops" else 3)  # Choices are not uniform, and none is too rare.
    found = distances(agent, env, 24)
    assert found and max(found.values()) < 3.5, found


def test_every_agent_is_tried() -> None:
    """A new agent of the registry either has a case here, or is named as one that samples nothing."""
    assert {case[0] for case in CASES.values()} | NO_SAMPLES | BY_SB3 == set(AGENTS)
