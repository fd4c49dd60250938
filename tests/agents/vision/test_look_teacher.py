"""Tests of agents that learn from a teacher where to look, before they are reinforced."""

from typing import Any

import pytest
import torch

from glimpse.agents.vision.anytime import Anytime, make_anytime
from glimpse.agents.vision.anytime_options import AnytimeOptions
from glimpse.agents.vision.look_teacher import imitation_loss, teachers_looks
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.megapixel_mnist import MegapixelMnist
from glimpse.envs.images.scene_data import SceneData
from glimpse.envs.images.search_options import MegapixelOptions
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {
    "encoder": {"kind": "conv", "widths": [16, 16], "stride": 1},
    "feature_width": 32,
    "memory_width": 32,
    "policy_width": 16,
    "cells": 8,
}


def make_world(options: dict[str, Any], digits: int = 1) -> tuple[Anytime, MegapixelMnist]:
    """Return an agent with some options, and pictures of 64 x 64 pixels with bright squares; windows have 8 pixels."""
    images = ImageData(
        torch.tensor([100, 250], dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4).contiguous(),
        torch.tensor([0, 1]),
        ("dark", "bright"),
    )
    task = MegapixelOptions.model_validate(
        {
            **{"name": "megapixel-mnist", "size": 64, "digits": digits, "alike": digits, "strokes": 0, "glimpses": 3},
            **{"retina": {"patch": 8}, "zoom": {"levels": 2, "initial": 1.0}, "glance": 32},
        }
    )
    env = MegapixelMnist(task, SceneData(images, "train", images.classes))
    torch.manual_seed(0)
    agent = make_anytime(AnytimeOptions.model_validate({**SMALL, **options}), env.observation_space, env.action_space)
    return agent, env


def test_it_learns_from_the_teacher_alone() -> None:
    """Without any reward, the first look is at the square, as close as can be; before, it is not."""
    agent, env = make_world({"imitation": {"until": 1.0}, "policy_weight": 0})
    example = torch.arange(32)

    def found() -> float:
        episode = play(env, agent, example, example, greedy=True)
        return float(episode.observation["zoom"][1].eq(0).float().mul(_shown(env, episode.action["look"][0])).mean())

    assert found() < 0.2
    optimiser = torch.optim.Adam(agent.parameters(), lr=5e-3)
    for step in range(60):
        agent.set_progress(step / 60)
        loss = agent.loss(play(env, agent, example, example + 32 * step, record=True))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    assert found() > 0.9


def _shown(env: MegapixelMnist, look: torch.Tensor) -> torch.Tensor:
    """Return whether windows around looks (B, 2) hold the middle of the only target."""
    target = env.targets()[:, 0]
    return ((look - (target[:, :2] + target[:, 2:]) / 2).abs().amax(1) <= 8 / 64).float()


def test_the_loss_by_hand() -> None:
    """Looks that were not shown have chances of 1/4 and 1/2: together 3/4. After both were seen there is none."""
    chances = torch.tensor([[[0.25, 0.5]], [[0.25, 0.5]], [[0.25, 0.5]]])  # (T, B, M)

    class Known:
        """Policy with given chances, by the target's x."""

        def log_prob(self, parts: dict[str, torch.Tensor], action: dict[str, torch.Tensor]) -> torch.Tensor:
            """Return the chance of the target that lies at x."""
            return chances.log().gather(-1, action["look"][..., :1].long()).squeeze(-1)

    agent, env = make_world({})
    episode = play(env, agent, torch.arange(1), torch.arange(1), record=True)
    look = torch.stack([torch.arange(2.0), torch.zeros(2)], -1).expand(3, 1, 2, 2)
    seen = torch.tensor([[[False, False]], [[False, True]], [[True, False]]])
    episode.teaching.update(look=look, seen=seen)
    taken = episode.step_mask[1:]
    loss = imitation_loss(Known(), {}, episode, taken)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(-(torch.tensor(0.75).log() + torch.tensor(0.25).log()).item() / 2)
    episode.teaching["seen"] = torch.ones(3, 1, 2, dtype=torch.bool)
    assert imitation_loss(Known(), {}, episode, taken).item() == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("look_policy", ["both", "grid", "gaussian", "path"])
def test_the_imitation_ends(look_policy: str) -> None:
    """After its share of training the loss is that of an agent without a teacher, whose episodes have none."""
    taught, env = make_world({"imitation": {"until": 0.5}, "look_policy": look_policy}, digits=3)
    alone, _ = make_world({"look_policy": look_policy})
    alone.load_state_dict(taught.state_dict())
    alone.set_progress(0.0)  # The state also says where the schedules are.
    example = torch.arange(16)
    episode = play(env, taught, example, example, record=True)
    assert (
        episode.teaching["look"].shape == (3, 16, 3, 2) and not play(env, alone, example, example, record=True).teaching
    )
    totals = {}
    for progress in (0.4, 0.5):
        taught.set_progress(progress)
        alone.set_progress(progress)
        totals[progress] = taught.loss(episode).total.item() - alone.loss(episode).total.item()
    assert totals[0.5] == pytest.approx(0, abs=1e-6) and abs(totals[0.4]) > 0.01
    assert not play(env, taught, example, example, record=True).teaching  # Nothing is asked of the teacher any more.


def test_controls_are_not_taught() -> None:
    """Looks that are not learned need no teacher."""
    agent, env = make_world({"imitation": {"until": 0.5}, "look_policy": "random"})
    assert not agent.imitates and not play(env, agent, torch.arange(2), torch.arange(2), record=True).teaching


def test_the_teachers_looks_by_hand() -> None:
    """Lanes below the share look at one of the targets that no step has shown; the others do what they would."""
    look = torch.tensor([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]])
    places = torch.arange(6.0).view(1, 3, 2).expand(3, 3, 2)
    nothing = torch.zeros(3, 3, dtype=torch.bool)
    first, second = nothing.clone(), nothing.clone()
    first[1, 0] = second[1, 2] = True  # Lane 1 has target 1 left, after what two steps have shown.
    zoom = torch.tensor([[0, 1, 2]]).expand(3, 3)
    taught = [{"look": places, "zoom": zoom, "seen": seen} for seen in (first, second)]
    action = {"look": look, "zoom": torch.tensor([5, 5, 5]), "answer": torch.tensor([7, 8, 9])}
    chance = torch.tensor([[0.4, 0.99], [0.0, 0.5], [0.6, 0.0]])
    found = teachers_looks(action, taught, 0.5, chance)
    assert found["look"].tolist() == [[4.0, 5.0], [2.0, 3.0], look[2].tolist()]
    assert found["zoom"].tolist() == [2, 1, 5] and found["answer"] is action["answer"]
    taught.append({"look": places, "zoom": zoom, "seen": ~nothing})
    assert teachers_looks(action, taught, 1.0, chance)["look"].equal(look)


def test_an_agent_follows_the_teacher_while_it_imitates() -> None:
    """With a share of 1 each look shows another target; afterwards, and in evaluations, the agent looks itself."""
    agent, env = make_world({"imitation": {"until": 0.5, "follow": 1.0}}, digits=2)
    example = torch.arange(16)
    for progress, record, follows in ((0.0, True, True), (0.0, False, False), (0.6, True, False)):
        agent.set_progress(progress)
        action = play(env, agent, example, example, record=record).action
        middles = (env.targets()[..., :2] + env.targets()[..., 2:]) / 2
        orders = (action["look"][:2], action["look"][:2].flip(0))
        shown = [(looks.transpose(0, 1) - middles).abs().amax((1, 2)) < 1e-5 for looks in orders]
        assert bool((shown[0] | shown[1]).all()) == follows
