"""Within a step the host does not wait for the GPU: rollout, loss and backward pass of each agent ask for no value.

The agents run on a stand-in for a GPU (see tests/fake_device.py), on which a question for a value is an error.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.agents.agent import Agent, LearningAgent
from glimpse.agents.update_losses import losses, needs_rollout
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.runs.rollout import labelled_batch, play
from tests.agents.test_agents import PAIRS
from tests.agents.test_constant_return import CASES
from tests.fake_device import fake_device

MakeSmall = Callable[[str, str, dict[str, Any], dict[str, Any]], tuple[Agent, VisualEnv]]
Case = tuple[str, str, dict[str, Any], dict[str, Any]]


def _cases() -> dict[str, Case]:
    """Return each agent with the first environment of each class that it fits, and acting agents with options."""
    classes: dict[tuple[str, str], Case] = {}
    for agent, env in PAIRS:
        classes.setdefault((agent, ENVIRONMENTS[env].environment), (agent, env, {}, {}))
    return {f"{case[0]} in {case[1]}": case for case in classes.values()} | CASES


SEEN = {"classification", "catch", "pairs"}
ALL = {name: case for name, case in _cases().items() if ENVIRONMENTS[case[1]].kind in SEEN}


def step(agent: Agent, env: VisualEnv, device: str, *, backward: bool) -> None:
    """Make what a training step computes, but for the optimiser."""
    example = torch.arange(3, device=device)
    if not isinstance(agent, LearningAgent):  # Stable-Baselines3 trains its policies itself.
        play(env, agent, example, example, copies=2)
        return
    if needs_rollout(agent):
        losses_of_update = losses(agent, play(env, agent, example, example, copies=2, record=True))
    else:
        losses_of_update = losses(agent, labelled_batch(env, example, example))
    for loss in losses_of_update:
        if backward:
            loss.total.backward()


@pytest.mark.parametrize("case", ALL)
def test_rollout_and_loss_do_not_wait(case: str, make_small: MakeSmall) -> None:
    """No device is mixed with another, no value is asked for, and nothing is copied between host and device."""
    with fake_device(*make_small(*ALL[case]), device="cuda") as ((agent, env), moves):
        moves.found.clear()
        step(agent, env, "cuda", backward=False)
        assert moves.found == []


@pytest.mark.parametrize("case", [name for name in ALL if not ALL[name][0].startswith("sb3-")])
def test_the_backward_pass_does_not_wait(case: str, make_small: MakeSmall) -> None:
    """The same for the gradients; Stable-Baselines3 computes those of its policies itself."""
    with fake_device(*make_small(*ALL[case]), device="meta") as ((agent, env), moves):
        moves.found.clear()
        step(agent, env, "meta", backward=True)
        assert moves.found == []


def test_what_waits_is_found() -> None:
    """Each kind of wait is an error, or a move that is noted."""
    with fake_device(torch.ones(3), device="cuda") as ((tensor,), moves):
        for wait in (lambda: tensor.sum().item(), lambda: bool(tensor.any()), lambda: tensor[tensor > 0]):
            with pytest.raises(RuntimeError):
                wait()
        with pytest.raises(RuntimeError):
            tensor + torch.ones(3)
        assert moves.found == []
        tensor.cpu()
        torch.ones(3).to(tensor.device)
        assert [found.partition(",")[0] for found in moves.found] == ["cuda to cpu", "cpu to cuda"]
        assert "test_host_waits.py" in moves.found[0]


def test_all_agents_are_here() -> None:
    """The registry has no agent that is left out."""
    assert {agent for agent, *_ in ALL.values()} == {name for name, row in AGENTS.items() if SEEN & {*row.kinds}}
