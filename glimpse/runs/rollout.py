"""Rollouts, for training, evaluation and pictures alike."""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.ability_questions import as_following_teacher, as_preselecting, imitates, stops_when_all_done
from glimpse.agents.agent import Agent, Memory
from glimpse.agents.episode import Batch, Decision, Episode
from glimpse.agents.recording import recording, stack_steps
from glimpse.envs.core import BatchedEnv, first_observation, is_teaching
from glimpse.envs.lane_random import mix, normal, uniform

_POLICY = 31
_SELECTION = 32
_LEARNING = 33
_TEACHING = 34
_MANY = 1.5
"""Lanes that are over are left out where all lanes are so many times those that go on."""


@torch.no_grad()
def play(
    env: BatchedEnv,
    agent: Agent,
    example: Tensor,
    key: Tensor,
    *,
    copies: int = 1,
    greedy: Tensor | bool = False,
    record: bool = False,
    most: int | None = None,
) -> Episode:
    """Play E * M episodes to their end, side by side.

    Args:
        env: a batched environment.
        agent: the agent that plays.
        example: (E,) int64, the example of each episode.
        key: (E,) int64, random key of the picture, the initial location and (with the copy's number) the noise.
        copies: rollouts M of each example.
        greedy: True for the most likely action, False for a sampled one; a bool, or (E * M,) bool.
        record: keep the networks' activations, for an update with the same weights.
        most: steps that are played at most; by default all. Those that are played are the same.

    Returns:
        The episodes; number e * M + m is copy m of example e. None depends on those beside it.
    """
    key = key.to(env.device, non_blocking=True)
    # Reset the environment, and draw all of the policy's noise: it depends on the key and the copy alone.
    observation = env.reset(example, key, copies)
    lanes = len(example) * copies
    copy = torch.arange(lanes, device=key.device) % copies
    own = mix(key.repeat_interleave(copies), _POLICY)
    noise = normal(mix(own, copy), agent.noise_width * agent.steps).view(lanes, agent.steps, agent.noise_width)
    memory = agent.initial_memory(observation)

    # Some agents select their tokens once, before the first step.
    if (selecting := as_preselecting(agent)) is not None:
        observed = sum(part[0].numel() for part in observation.values())
        chance = normal(mix(mix(own, _SELECTION), copy), selecting.selection_noise * observed)
        memory = selecting.select(observation, memory, chance, greedy)

    # Act until the last step, or until all episodes are over. Those that are over take no-op steps, which are masked.
    # To ask whether all are over would be to wait for a GPU, which training does not.
    ends_early = stops_when_all_done(agent) and (env.device.type == "cpu" or not agent.training)
    teacher = env if record and imitates(agent) and is_teaching(env) else None
    following = None if teacher is None else as_following_teacher(agent)
    if following is not None:
        shares = uniform(mix(mix(own, _TEACHING), copy), agent.steps * 2).view(lanes, agent.steps, 2)
    seen, acted, answers, rewards, known, taught = [], [], [], [], [], []
    ended: list[Tensor] = []
    leaves_out = ends_early and isinstance(memory, Tensor)  # Lanes that are over are not computed.
    with recording(agent, agent.steps) if record and not leaves_out else nullcontext():
        for time in range(agent.steps if most is None else min(most, agent.steps)):
            seen.append(observation)
            active = ~ended[-1] if leaves_out and ended else None
            decision, memory = _decide(agent, observation, memory, active)
            action = agent.act(decision, noise[:, time], greedy)
            if teacher is not None:
                taught.append(teacher.teaching())
                if following is not None:
                    action = following.follow(action, taught, shares[:, time])
            step = env.step(action)
            observation = step.observation
            acted.append(action)
            answers.append(decision.answer)
            known.append(decision.activations if record else {})
            rewards.append(step.reward)
            ended.append(step.terminated)
            if ends_early and bool(step.terminated.all()):
                break

    # An episode took step t if it was not over after step t - 1.
    step_mask = torch.stack([torch.ones_like(ended[0]), *(~terminated for terminated in ended[:-1])])
    return Episode(
        observation=_stack(seen),
        action=_stack(acted),
        answer=torch.stack(answers),
        reward=torch.stack(rewards),
        step_mask=step_mask,
        label=env.label,
        copies=copies,
        activations=_stack(known),
        ended=ended[-1],
        teaching=_stack(taught) if taught else {},
    )


def _decide(
    agent: Agent, observation: dict[str, Tensor], memory: Memory, active: Tensor | None
) -> tuple[Decision, Memory]:
    """Return an agent's decisions, and its memory; of active lanes (B,) alone, if those are given and few."""
    if active is None or active.sum() * _MANY > len(active):
        whole: tuple[Decision, Memory] = agent(observation, memory)
        return whole
    at = active.nonzero()[:, 0]
    decision, kept = agent({name: part[at] for name, part in observation.items()}, memory[at])
    return _spread(decision, at, len(active)), memory.index_copy(0, at, kept.to(memory.dtype))


def _spread(part: Any, at: Tensor, lanes: int) -> Any:
    """Return outputs of some lanes as those of all B, zeros in the others: tensors, and what holds them."""
    match part:
        case Tensor():
            return part.new_zeros(lanes, *part.shape[1:]).index_copy(0, at, part)
        case dict():
            return {name: _spread(each, at, lanes) for name, each in part.items()}
        case tuple():
            return type(part)(*(_spread(each, at, lanes) for each in part))
    return part


@torch.no_grad()
def labelled_batch(env: BatchedEnv, example: Tensor, key: Tensor) -> Batch:
    """Return E labelled examples, for an agent that learns without rollouts.

    Args:
        env: a batched environment.
        example: (E,) int64.
        key: (E,) int64, random key of the picture, the initial location, and what the agent draws while it learns.
    """
    own = mix(key.to(env.device, non_blocking=True), _LEARNING)
    return Batch(first_observation(env, example, key), env.label, lambda stream, count: normal(mix(own, stream), count))


def _stack(steps: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Stack T dicts of (B, ...) to one of (T, B, ...)."""
    return {name: _stack_parts([step[name] for step in steps]) for name in steps[0]}


def _stack_parts(parts: list[Tensor]) -> Tensor:
    """Stack T tensors (B, ...); one that stays the same, such as a glance, is not copied."""
    if all(part is parts[0] for part in parts):
        return parts[0].expand(len(parts), *parts[0].shape)
    return stack_steps(parts)
