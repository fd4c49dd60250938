"""Player: sampled actions, the replay, and the losses of REINFORCE and PPO."""

from typing import Any

import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.episode import Decision, Episode
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.vision.options import PlayerOptions
from glimpse.agents.vision.player import Player, make_player

STEPS, EPISODES = 4, 3
OBSERVATION = spaces.Dict(
    {
        "glimpse": spaces.Box(0, 1, (2, 1, 3, 3)),
        "location": spaces.Box(-1, 1, (2,)),
        "time": spaces.Discrete(STEPS + 1),
    }
)
ACTION = spaces.Dict({"look": spaces.Box(-1, 1, (2,)), "move": spaces.Discrete(3)})
SMALL = {"glimpse_width": 6, "location_width": 5, "feature_width": 8, "memory_width": 7}


def player(**options: Any) -> Player:
    """Make a small player."""
    torch.manual_seed(0)
    return make_player(PlayerOptions.model_validate({**SMALL, **options}), OBSERVATION, ACTION)


def observations(lengths: tuple[int, ...] = (4, 4, 4)) -> dict[str, Tensor]:
    """Return observations of noise for three episodes."""
    draw = torch.Generator().manual_seed(1)
    glimpse = torch.rand(STEPS, EPISODES, 2, 1, 3, 3, generator=draw)
    location = torch.rand(STEPS, EPISODES, 2, generator=draw) * 2 - 1
    return {"glimpse": glimpse, "location": location, "time": torch.arange(STEPS)[:, None].expand(-1, EPISODES)}


def played(agent: Player, lengths: tuple[int, ...] = (4, 2, 3)) -> Episode:
    """Return recorded episodes of these lengths; the first has a reward at its end."""
    seen, memory, actions, known = observations(), None, [], []
    memory = agent.initial_memory({name: tensor[0] for name, tensor in seen.items()})
    noise = torch.randn(STEPS, EPISODES, 3, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for step in range(STEPS):
            decision, memory = agent({name: tensor[step] for name, tensor in seen.items()}, memory)
            actions.append(agent.act(decision, noise[step], False))
            known.append(decision.activations)
    step_mask = torch.arange(STEPS)[:, None] < torch.tensor(lengths)
    reward = torch.zeros(STEPS, EPISODES)
    reward[lengths[0] - 1, 0] = 1.0
    action = {name: torch.stack([one[name] for one in actions]) for name in actions[0]}
    recorded = {name: torch.stack([one[name] for one in known]) for name in known[0]}
    label = torch.zeros(EPISODES, dtype=torch.int64)
    return Episode(seen, action, torch.empty(STEPS, EPISODES, 0), reward, step_mask, label, 1, recorded)


def test_moves_are_drawn_with_their_probabilities() -> None:
    """Evenly spread noise gives 1/4, 1/2 and 1/4; greedy takes the likeliest move and the mean location."""
    count = 1000
    uniform = (torch.arange(count) + 0.5) / count
    noise = torch.special.ndtri(uniform)[:, None].expand(-1, 3)
    logits = torch.tensor([0.25, 0.5, 0.25]).log().expand(count, -1)
    decision = Decision(torch.empty(count, 0), {}, torch.zeros(count, 2), move=logits)
    agent = player()
    assert agent.act(decision, noise, False)["move"].bincount().tolist() == [250, 500, 250]
    greedy = agent.act(decision, noise, True)
    assert greedy["move"].tolist() == [1] * count and greedy["look"].abs().max() == 0


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_recalled_activations_equal_a_full_replay(core: str) -> None:
    """Policy, value and gradients are the same."""
    agent = player(recurrent_core=core)
    episode = played(agent)
    recalled, again = agent._policy(episode), agent._policy(episode, recall=False)
    for one, other in zip(recalled, again, strict=True):
        torch.testing.assert_close(one, other)
    parameters = list(agent.parameters())
    gradients = [
        torch.autograd.grad(policy.log_prob.sum() + policy.value.sum(), parameters, allow_unused=True)
        for policy in (recalled, again)
    ]
    for first, second in zip(*gradients, strict=True):
        assert (first is None) == (second is None)
        if first is not None:
            torch.testing.assert_close(first, second)


def test_steps_after_the_end_do_not_change_the_loss() -> None:
    """Other observations and actions after an episode's end leave loss and gradients as they are."""
    agent = player()
    episode = played(agent)
    after = ~episode.step_mask
    seen = {**episode.observation, "glimpse": episode.observation["glimpse"].clone()}
    seen["glimpse"][after] = 0.5
    action = {name: tensor.clone() for name, tensor in episode.action.items()}
    action["move"][after], action["look"][after] = 2, 0.3
    other = Episode(seen, action, episode.answer, episode.reward, episode.step_mask, episode.label, 1, {})
    losses = [agent.loss(one).total for one in (Episode(*vars(episode).values()), other)]
    torch.testing.assert_close(*losses)
    gradients = [torch.autograd.grad(loss, list(agent.parameters()), allow_unused=True) for loss in losses]
    for first, second in zip(*gradients, strict=True):
        if first is not None and second is not None:
            torch.testing.assert_close(first, second)


def test_the_last_location_is_not_reinforced() -> None:
    """No glimpse is taken there: the loss does not depend on it, but on the location before."""
    agent = player()
    episode = played(agent, (4, 4, 4))
    losses = []
    for step in (None, STEPS - 1, STEPS - 2):
        look = episode.action["look"].clone()
        if step is not None:
            look[step] += 0.1
        action = {**episode.action, "look": look}
        losses.append(agent.loss(Episode(**{**vars(episode), "action": action})).total.item())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("locator", ["learned", "path", "random", "centre", "raster"])
@pytest.mark.parametrize("update", ["reinforce", "ppo"])
def test_every_locator_and_update(locator: str, update: str) -> None:
    """Gradients of mover, value, core and glimpse network are finite and not zero; PPO makes `epochs` updates."""
    agent = player(locator=locator, update=update, epochs=3)
    losses = list(agent.updates(played(agent)))
    assert len(losses) == (3 if update == "ppo" else 1)
    for part in (agent.mover, agent.value, agent.core, agent.glimpse_network):
        gradients = torch.autograd.grad(losses[0].total, list(part.parameters()), retain_graph=True)
        assert all(gradient.isfinite().all() and gradient.abs().sum() > 0 for gradient in gradients)


def test_the_first_update_of_ppo_has_a_ratio_of_one() -> None:
    """Before any update the surrogate is minus the mean advantage, and its gradient is that of REINFORCE."""
    agent = player(update="ppo", epochs=2, entropy=0, value_weight=0)
    episode = played(agent)
    first = next(agent.updates(episode))
    policy = agent._policy(episode, recall=False)
    advantage = agent._advantage(policy.value, episode)
    assert first.total.item() == pytest.approx(-advantage.sum().item() / episode.step_mask.sum().item(), abs=1e-6)
    parameters = list(agent.mover.parameters()) + list(agent.locator.parameters())
    ours = torch.autograd.grad(first.total, parameters)
    plain = torch.autograd.grad(agent.loss(episode).total, parameters)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other)
