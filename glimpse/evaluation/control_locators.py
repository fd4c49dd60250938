"""The same weights with other eyes: what an answer owes to where the agent looked."""

import copy

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.vision.locators import FixedLocator, Locator, RandomLocator, raster
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.lane_random import mix
from glimpse.envs.lanes import VisualCore
from glimpse.evaluation.diagnostics import answers_to_images, attention_gain, gaze_warnings, looks, path_warning
from glimpse.evaluation.scores import Scores, measure
from glimpse.runs.rollout import play

RANDOM, MEAN_PATH = "random places", "its own mean path"


def mean_path(agent: Agent, world: VisualCore, options: EvaluateOptions) -> Tensor:
    """Where the agent looks on average after each step, (T, 2): its policy with the image taken out.

    Looks that a glimpse followed are counted, and the centre stands where there are none.
    """
    example = torch.arange(min(world.examples, options.batch), device=world.device)
    episode = play(world, agent, example, mix(example, options.seed), greedy=True)
    look, followed = looks(episode)
    counted = followed.to(look.dtype).unsqueeze(-1)
    path = (look.clamp(-1, 1) * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)
    return torch.cat([path, path.new_zeros(1, 2)])


def with_other_eyes(agent: Agent, world: VisualCore, options: EvaluateOptions) -> dict[str, Locator]:
    """The same weights with the locator exchanged: what the answer owes to where the agent looked."""
    device = world.device
    centre = torch.zeros(agent.steps, 2, device=device)
    return {
        RANDOM: RandomLocator(),
        "centre only": FixedLocator(centre),
        "raster scan": FixedLocator(raster(agent.steps).roll(-1, 0).to(device)),
        MEAN_PATH: FixedLocator(mean_path(agent, world, options)),
    }


def measure_controls(agent: Agent, world: VisualCore, options: EvaluateOptions) -> dict[str, Scores]:
    """Scores with the locator exchanged for each control; none for an agent without a locator."""
    if not hasattr(agent, "locator"):
        return {}
    scores = {}
    for name, locator in with_other_eyes(agent, world, options).items():
        blind = copy.copy(agent)
        blind._modules = {**agent._modules, "locator": locator}
        scores[name] = measure(blind, world, options)
    return scores


def evaluation_warnings(rows: dict[str, Scores], agent: Agent) -> list[str]:
    """What is wrong with where an agent looks, from its scores (the first) and those of its controls."""
    own, path = next(iter(rows.values())), rows.get(MEAN_PATH)
    found = gaze_warnings(own.gaze, agent)
    if path is not None and answers_to_images(agent):
        found += path_warning(own.greedy.high, path.greedy.error)
    return found


def describe_gain(rows: dict[str, Scores]) -> list[str]:
    """A line on what the agent's own places gain over others, or nothing where it has no eyes to exchange."""
    gain = attention_gain({name: scores.greedy.error for name, scores in rows.items()})
    shown = ", ".join(f"{gain[name]:+.2f} over {name}" for name in (RANDOM, MEAN_PATH) if name in gain)
    return [f"attention gain, greedy, percentage points: {shown}"] if shown else []
