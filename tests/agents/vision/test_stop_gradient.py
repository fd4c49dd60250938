"""Gradient of the stop policy: the estimate's mean is the gradient of the return over all ways to stop, enumerated."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.update_losses import losses
from glimpse.agents.vision.controls import make_path
from glimpse.agents.vision.options import PathOptions
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.agents.vision.stop_policy import StopPolicy
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.rollout import play

STEPS, COST, COPIES = 4, 0.1, 3
SMALL = {"glimpse_width": 7, "location_width": 5, "feature_width": 9, "memory_width": 8}


def make_task() -> Classification:
    """Make a task of three pictures, of two classes, whose glimpses cost something and that may be ended early."""
    images = torch.randint(0, 256, (3, 1, 9, 9), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    task = {
        "name": "images",
        "retina": {"patch": 3},
        "glimpses": STEPS,
        "glimpse_cost": COST,
        "stop": True,
        "initial_location": "centre",
    }
    return Classification(
        ClassificationOptions.model_validate(task), ImageData(images, torch.tensor([0, 1, 0]), ("a", "b"))
    )


def make_agent(env: Classification, baseline: str) -> tuple[RecurrentAttention, StopPolicy]:
    """Make an agent whose only chance is when to stop: its path hardly varies, and its answers change with time."""
    torch.manual_seed(4)
    path = [(0.9, -0.9), (-0.9, 0.9), (0.9, 0.9)]
    options = {"initial_path": path, "sigma": {"start": 1e-4}, "stop_policy": {"start": 20, "end": 20}}
    agent = make_path(
        PathOptions.model_validate({**SMALL, **options, "baseline": baseline}), env.observation_space, env.action_space
    )
    assert agent.stop_policy is not None
    with torch.no_grad():
        agent.classifier.weight.mul_(20)
        agent.stop_policy.decide.weight.mul_(4)
        agent.stop_policy.decide.bias.fill_(-0.5)
    return agent, agent.stop_policy


def gradient(total: Tensor, stop_policy: StopPolicy) -> Tensor:
    """Return the gradient of a scalar in the stop policy's weights, in one vector."""
    return torch.cat([part.flatten() for part in torch.autograd.grad(total, list(stop_policy.parameters()))])


def enumerated_gradient(env: Classification, agent: RecurrentAttention, stop_policy: StopPolicy) -> Tensor:
    """Return the gradient of the expected return, the sum over all times at which an episode may stop."""
    observation = env.reset(torch.arange(3), torch.arange(3))
    memory = agent.initial_memory(observation)
    going_on, expected = torch.ones(3), torch.zeros(3)
    for step in range(STEPS):
        decision, memory = agent(observation, memory)
        stop = torch.sigmoid(stop_policy(agent.core.output(memory).detach())) if step < STEPS - 1 else torch.ones(3)
        action = agent.act(decision, torch.zeros(3, 3), True)
        right = (action["answer"] == env.label).float()
        expected = expected + going_on * stop * (right - (step + 1) * COST)
        going_on = going_on * (1 - stop)
        observation = env.step({**action, "stop": torch.zeros(3, dtype=torch.long)}).observation
    return gradient(expected.mean(), stop_policy)


@pytest.mark.parametrize("baseline", ["none", "leave_one_out", "self_critical"])
def test_the_estimate_is_the_enumerated_gradient(baseline: str) -> None:
    """Its mean over many episodes is the exact gradient, in every weight; greedy copies do not add to it."""
    env = make_task()
    agent, stop_policy = make_agent(env, baseline)
    exact = enumerated_gradient(env, agent, stop_policy)
    greedy = torch.arange(3 * 400 * COPIES) % COPIES == 0 if agent.greedy_copy else False
    estimates = []
    for batch in range(24):
        key = torch.arange(1200) + 5000 * batch
        episode = play(env, agent, torch.arange(1200) % 3, key, copies=COPIES, greedy=greedy)
        loss = next(losses(agent, episode))
        estimates.append(-gradient(loss.total, stop_policy))  # The loss's other terms do not depend on these weights.
    each = torch.stack(estimates).double()
    error = each.std(0) / len(each) ** 0.5
    assert exact.norm() > 20 * error.norm()
    assert ((each.mean(0) - exact).abs() < 4 * error + 1e-4).all()
