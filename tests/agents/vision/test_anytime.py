"""The anytime agent: it learns to look close where the glance shows something, and knows when to stop."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.ability_questions import in_warmup
from glimpse.agents.update_losses import losses
from glimpse.agents.vision.anytime import Anytime, make_anytime
from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.look_rewards import discounted, gains
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {"encoder": {"kind": "mlp", "widths": [32]}, "feature_width": 32, "memory_width": 32}


def stripes() -> ImageData:
    """Return pictures of 32 x 32 with level or upright stripes in one of four quarters, which average to one grey."""
    line = torch.arange(32) % 2 * 255
    pictures, labels = [], []
    for upright in (False, True):
        for quarter in range(4):
            picture = torch.zeros(32, 32)
            rows, columns = (slice(16 * place + 4, 16 * place + 12) for place in divmod(quarter, 2))
            lines = line.expand(32, 32) if upright else line[:, None].expand(32, 32)
            picture[rows, columns] = lines[rows, columns].float()
            pictures.append(picture)
            labels.append(int(upright))
    return ImageData(torch.stack(pictures)[:, None].to(torch.uint8), torch.tensor(labels), ("level", "upright"))


def make_world(options: dict[str, Any], **task: Any) -> tuple[Anytime, Classification]:
    """Return an agent with some options, and the world of stripes, which a look at the whole cannot tell apart."""
    given = {"retina": {"patch": 16}, "zoom": {"levels": 2}, "glance": 4, "glimpses": 2, "initial_location": "centre"}
    env = Classification(ClassificationOptions.model_validate({"name": "images", **given, **task}), stripes())
    torch.manual_seed(0)
    chosen = AnytimeOptions.model_validate({**SMALL, "cells": 2, "policy_width": 16, "frequencies": 2, **options})
    return make_anytime(chosen, env.observation_space, env.action_space), env


def train(agent: Anytime, env: Classification, steps: int) -> None:
    """Make updates from 8 copies of each picture."""
    optimiser, example = torch.optim.Adam(agent.parameters(), lr=5e-3), torch.arange(8)
    for step in range(steps):
        agent.set_progress(step / steps)
        episode = play(env, agent, example, example + 8 * step, copies=8, record=True)
        for loss in losses(agent, episode):
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
    agent.set_progress(1.0)
    agent.eval()


def accuracy(agent: Anytime, env: Classification) -> tuple[list[float], Tensor]:
    """Return the accuracy after each greedy look, and the zooms of the looks (T, B)."""
    episode = play(env, agent, torch.arange(8), torch.arange(8), greedy=True)
    return (episode.answer.argmax(-1) == episode.label).float().mean(1).tolist(), episode.observation["zoom"][..., 0]


WAYS: dict[str, tuple[int, dict[str, Any]]] = {
    "both": (120, {"look_policy": "both"}),
    "both, ppo": (120, {"look_policy": "both", "update": "ppo", "policy_reward": "correct", "discount": 1.0}),
    "grid": (110, {"look_policy": "grid", "baseline": "leave_one_out", "pretraining": 0.3, "warm_up": 0.1}),
    "gaussian": (
        140,
        {"look_policy": "gaussian", "sigma": {"start": 0.6, "end": 0.1}, "policy_reward": "probability"},
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_it_learns_to_look_close(name: str) -> None:
    """The first look, at the whole, tells nothing; the second is close, at the stripes, which are in each quarter."""
    steps, options = WAYS[name]
    agent, env = make_world(options)
    train(agent, env, steps)
    (first, second), zoom = accuracy(agent, env)
    assert first <= 0.75 and second == 1.0, (first, second)
    assert zoom[0].eq(1).all() and zoom[1].eq(0).all()


def test_it_stops_when_looks_are_worth_nothing() -> None:
    """Of three looks the second tells all: between thresholds of 0 and infinity it is the last for each picture."""
    agent, env = make_world({"stop_threshold": 0.3, "look_policy": "grid"}, stop=True, glimpses=3)
    train(agent, env, 160)
    lengths = {}
    for threshold in (-1.0, 0.2, 9.0):
        agent.stop_threshold = threshold
        lengths[threshold] = play(env, agent, torch.arange(8), torch.arange(8), greedy=True).step_mask.sum(0).tolist()
    assert lengths == {-1.0: [3] * 8, 0.2: [2] * 8, 9.0: [1] * 8}
    agent.train()
    assert play(env, agent, torch.arange(8), torch.arange(8)).step_mask.all()


def test_looks_are_random_first() -> None:
    """In a fifth of training looks are uniform; then the policy's loss grows, to its weight at two fifths."""
    agent, env = make_world({"pretraining": 0.2, "warm_up": 0.2, "look_policy": "grid"})
    example = torch.arange(8)
    expected = {0.0: (True, 0.0), 0.1: (True, 0.0), 0.2: (False, 0.0), 0.3: (False, 0.5), 0.4: (False, 1.0)}
    for progress, (random, ramp) in expected.items():
        agent.set_progress(progress)
        assert bool(agent.random_looks) == random and float(agent.ramp) == pytest.approx(ramp)
        assert in_warmup(agent) == (ramp < 1)
        looks = play(env, agent, example, example, copies=20).action["look"]
        centres = (looks.abs() - 0.5).abs().lt(1e-6) | looks.abs().lt(1e-6)
        assert bool(centres.all()) != random
    fresh, _ = make_world({"pretraining": 0.2})
    assert bool(fresh.random_looks) and float(fresh.ramp) == 0


def test_gains_and_their_sum() -> None:
    """Errors 3, 1, 2 fall by 2 and -1; discounted by 1/2 the first look's return is 2 - 1/2. An ended episode: 3."""
    errors = torch.tensor([[3.0, 4.0], [1.0, 1.0], [2.0, 7.0]])
    mask = torch.tensor([[True, True], [True, True], [True, False]])
    gained = gains(errors, mask)
    assert gained.tolist() == [[2.0, 3.0], [-1.0, 0.0], [0.0, 0.0]]
    assert discounted(gained, 0.5).tolist() == [[1.5, 3.0], [-1.0, 0.0], [0.0, 0.0]]


def test_the_worth_is_that_of_gains() -> None:
    """Its loss is the squared error of the discounted gains, whatever the policy's reward is."""
    agent, env = make_world({"policy_reward": "correct", "discount": 0.5, "entropy": 0.0})
    example = torch.arange(8)
    episode = play(env, agent, example, example, record=True)
    errors = torch.stack(
        [torch.nn.functional.cross_entropy(one, episode.label, reduction="none") for one in episode.answer]
    )
    worth = torch.stack([errors[0] - errors[1], torch.zeros(8)])
    memory = agent.initial_memory({name: part[0] for name, part in episode.observation.items()})
    predicted = []
    for step in range(2):
        decision, memory = agent({name: part[step] for name, part in episode.observation.items()}, memory)
        assert decision.parts is not None
        predicted.append(decision.parts["worth"])
    expected = (torch.stack(predicted) - worth).square().mean()
    torch.testing.assert_close(agent.loss(episode).terms["worth_loss"], expected.detach())


def test_a_frozen_encoder_sees_pictures_once() -> None:
    """What it saw in a rollout gives the losses and gradients that seeing again gives."""
    agent, env = make_world({"encoder": {"kind": "pretrained", "side": 32}})
    episode = play(env, agent, torch.arange(2), torch.arange(2), copies=2, record=True)
    assert episode.activations["glance"].shape[:2] == (2, 4)
    results = []
    for each in (episode, replace(episode, activations={})):
        agent.zero_grad()
        agent.average_return.zero_()
        agent.loss(each).total.backward()
        results.append({name: part.grad for name, part in agent.named_parameters() if part.grad is not None})
    assert len(results[0]) > 10
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("baseline", ["learned", "moving_average"])
def test_it_learns_from_shorter_episodes(baseline: str) -> None:
    """An agent for four looks has the loss and the gradients on episodes of two looks that one for two looks has."""
    found = []
    for looks in (2, 4):
        agent, env = make_world({"baseline": baseline, "saliency_prior": 1.0}, glimpses=2)
        longer, _ = make_world({"baseline": baseline, "saliency_prior": 1.0}, glimpses=looks)
        known = {name: value for name, value in agent.state_dict().items() if name != "average_return"}
        longer.load_state_dict({**longer.state_dict(), **known})
        longer.set_progress(0.5)
        example = torch.arange(8)
        torch.manual_seed(1)
        episode = play(env, longer, example, example, copies=2, record=True)
        assert len(episode.reward) == 2 and longer.steps == looks
        loss = longer.loss(episode)
        loss.total.backward()
        gradients = torch.cat([part.grad.flatten() for part in longer.parameters() if part.grad is not None])
        found.append((loss.total.detach(), gradients))
    torch.testing.assert_close(found[0], found[1])


def test_the_policys_own_encoder_learns_from_looks_alone() -> None:
    """The policy gradient reaches it where it stops at the policy, and the error of answers does not."""
    agent, env = make_world({"look_encoder": "conv", "policy_gradient_into": "policy"})
    reader = [name for name, _ in agent.named_parameters() if name.startswith("policy.reader.")]
    assert reader
    episode = play(env, agent, torch.arange(8), torch.arange(8), copies=2, record=True)
    for weight, learns in ((1.0, True), (0.0, False)):
        agent.options = agent.options.model_copy(update={"policy_weight": weight, "entropy": 0.0})
        agent.zero_grad()
        agent.loss(episode).total.backward()
        gradients = [agent.get_parameter(name).grad for name in reader]
        assert any(one is not None and bool(one.any()) for one in gradients) == learns


def test_the_policys_own_encoder_has_a_rate_of_its_own() -> None:
    """Its scale is a multiple of the policy's, and each parameter has one rate."""
    agent, _ = make_world({"look_encoder": {"kind": "conv", "lr_scale": 0.5}, "policy_lr_scale": 3.0})
    rates = {id(parameter): scale for parameters, scale in agent.learning_rates() for parameter in parameters}
    found = {name: rates[id(parameter)] for name, parameter in agent.named_parameters()}
    assert sum(len(parameters) for parameters, _ in agent.learning_rates()) == len(found)
    assert {scale for name, scale in found.items() if name.startswith("policy.reader.")} == {1.5}
    others = [name for name in found if name.startswith("policy.") and not name.startswith("policy.reader.")]
    assert others and {found[name] for name in others} == {3.0}


@pytest.mark.parametrize(
    ("task", "agent", "problem"),
    [
        ({"glance": None}, {}, "reads the glance: give task.glance"),
        ({}, {"look_policy": "gaussian"}, "belongs to a policy with cells, 'grid' or 'both'"),
    ],
)
def test_an_encoder_for_looks_that_has_nothing_to_read_is_refused(
    task: dict[str, Any], agent: dict[str, Any], problem: str
) -> None:
    """There is no glance, or there are no cells."""
    options = AnytimeOptions.model_validate({"look_encoder": "conv", **agent})
    with pytest.raises(ValueError, match=problem):
        options.check_task(ClassificationOptions.model_validate({"name": "images", "glance": 8, **task}))
