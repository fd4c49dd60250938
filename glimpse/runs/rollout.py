"""The rollout: one for training, evaluation and pictures."""

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.envs.lane_random import mix, normal
from glimpse.envs.lanes import Core, Teaching

_POLICY = 31
_SELECTION = 32


@torch.no_grad()
def play(
    world: Core,
    agent: Agent,
    example: Tensor,
    key: Tensor,
    *,
    copies: int = 1,
    greedy: Tensor | bool = False,
    record: bool = False,
) -> Episode:
    """Play E * M episodes to their end.

    Args:
        world: a batched core.
        agent: chooses, remembers and answers.
        example: (E,) int64, which example each episode shows.
        key: (E,) int64, decides the picture, the first place and (with the copy's number) the agent's noise.
        copies: episodes M played on each picture.
        greedy: whether the agent takes the mean place; a bool, or (E * M,) bool for each episode.
        record: whether to keep the networks' activations, for an update by the same weights.

    Returns:
        The episodes; episode e * M + m is copy m of example e. They do not depend on how many are played together.
    """
    observation = world.begin(example, key, copies)
    lanes = len(example) * copies
    copy = torch.arange(lanes, device=key.device) % copies
    own = mix(key.repeat_interleave(copies), _POLICY)
    noise = normal(mix(own, copy), 3 * agent.steps).view(lanes, agent.steps, 3)
    memory = agent.begin(observation)
    if agent.selects:
        observed = sum(part[0].numel() for part in observation.values())
        chance = normal(mix(mix(own, _SELECTION), copy), agent.selects * observed)
        memory = agent.select(observation, memory, chance, greedy)
    seen, acted, answers, rewards, ended, known = [], [], [], [], [], []
    for time in range(agent.steps):
        seen.append(observation)
        decision, memory = agent(observation, memory)
        action = agent.act(decision, noise[:, time], greedy)
        step = world.step(action)
        observation = step.observation
        acted.append(action)
        answers.append(decision.answer)
        known.append(decision.activations if record else {})
        rewards.append(step.reward)
        ended.append(step.terminated)
        if agent.hurries and bool(step.terminated.all()):
            break
    taken = torch.stack([torch.ones_like(ended[0]), *(~over for over in ended[:-1])])
    return Episode(
        observation=_stack(seen),
        action=_stack(acted),
        answer=torch.stack(answers),
        reward=torch.stack(rewards),
        taken=taken,
        label=world.label,
        copies=copies,
        activations=_stack(known),
    )


@torch.no_grad()
def show(world: Core, example: Tensor, key: Tensor) -> Episode:
    """Begin E episodes and play none: what an agent learns from that needs no deeds of its own.

    Args:
        world: a batched core.
        example: (E,) int64.
        key: (E,) int64, decides the picture and the first place.

    Returns:
        One step of B = E episodes: the first observation, or the world's lesson, and the labels; no action, no answer,
        no reward.
    """
    observation = world.begin(example, key)
    if isinstance(world, Teaching):
        observation = world.lesson()
    nothing = torch.zeros(1, len(example), device=key.device)
    empty = nothing[..., None].expand(-1, -1, 0)
    return Episode(_stack([observation]), {}, empty, nothing, nothing == 0, world.label, 1, {})


def _stack(steps: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """A dict of (T, B, ...) from T dicts of (B, ...)."""
    return {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
