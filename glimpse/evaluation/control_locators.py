"""Control locators: the same weights look at other locations, which shows how much the answers owe to the policy."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from glimpse.agents.ability_questions import adapts_locations, has_locator
from glimpse.agents.agent import Agent
from glimpse.agents.vision.locators import FixedLocator, Locator, RandomLocator, raster
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.envs.lane_random import mix
from glimpse.evaluation.diagnostics import (
    attention_gain,
    recorded_locations,
    scanpath_warnings,
)
from glimpse.evaluation.location_statistics import LocationStatistics
from glimpse.evaluation.paired_tests import LEVEL, p_text, paired_p
from glimpse.evaluation.scores import Scores, measure_scores
from glimpse.runs.rollout import play

RANDOM, MEAN_SCANPATH = "random locations", "its own mean scanpath"
"""Names of the two controls that the attention gain is reported over."""


def mean_scanpath(agent: Agent, env: VisualEnv, options: EvaluateOptions) -> Tensor:
    """Compute the agent's mean location after each step, averaged over images.

    Only locations that were followed by a glimpse are counted. Where there are none, the mean is the centre.

    Args:
        agent: plays greedily on at most `options.batch` examples.
        env: shows the split.
        options: batch and seed.

    Returns:
        (T, 2) in [-1, 1]; the last location is the centre, since no glimpse follows.
    """
    example = torch.arange(min(env.examples, options.batch), device=env.device)
    episode = play(env, agent, example, mix(example, options.seed), greedy=True)
    look, followed = recorded_locations(episode)
    counted = followed.to(look.dtype).unsqueeze(-1)
    path = (look.clamp(-1, 1) * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)
    return torch.cat([path, path.new_zeros(1, 2)])


def control_locators(agent: Agent, env: VisualEnv, options: EvaluateOptions) -> dict[str, Locator]:
    """Return the control locators by name: random, centre, raster scan, and the agent's own mean scanpath."""
    device = env.device
    centre = torch.zeros(agent.steps, 2, device=device)
    return {
        RANDOM: RandomLocator(),
        "centre only": FixedLocator(centre),
        "raster scan": FixedLocator(raster(agent.steps).roll(-1, 0).to(device)),
        MEAN_SCANPATH: FixedLocator(mean_scanpath(agent, env, options)),
    }


def measure_controls(agent: Agent, env: VisualEnv, options: EvaluateOptions) -> dict[str, Scores]:
    """Return the scores of the agent with each control locator; none for an agent without a locator."""
    if not has_locator(agent):
        return {}
    scores = {}
    for name, locator in control_locators(agent, env, options).items():
        scores[name] = _measure_with(agent, locator, env, options)
    return scores


def _measure_with(agent: Agent, locator: Locator, env: VisualEnv, options: EvaluateOptions) -> Scores:
    """Return the scores of a copy of the agent with another locator; the agent itself stays unchanged."""
    controlled = copy.copy(agent)
    controlled._modules = {**agent._modules, "locator": locator}
    return measure_scores(controlled, env, options, lambda: LocationStatistics(controlled, env))


def evaluation_warnings(rows: dict[str, Scores], agent: Agent) -> list[str]:
    """Return warnings about the agent's locations.

    Args:
        rows: scores by name, the agent's first, then those of its controls.
        agent: the agent.
    """
    own, path = next(iter(rows.values())), rows.get(MEAN_SCANPATH)
    warnings = scanpath_warnings(own.scanpath, agent)
    if path is not None and adapts_locations(agent):
        warnings += mean_scanpath_warning(own, path)
    return warnings


def mean_scanpath_warning(own: Scores, path: Scores) -> list[str]:
    """Return a warning unless a paired test shows that the policy is better than its own mean scanpath.

    Without a test, as of correlations, the interval of the policy decides.

    Args:
        own: scores of the policy.
        path: scores of the same weights on the same examples, with the mean scanpath.
    """
    better, control = own.greedy.error < path.greedy.error, "its own mean scanpath"
    if path.p is None:
        within = path.greedy.error <= own.greedy.high
        told = f"the policy is not shown to be better than {control}, which is within its 95 % interval or better"
        return [told] if within else []
    if better and path.p < LEVEL:
        return []
    told = "not shown to be better than" if better or path.p >= LEVEL else "worse than"
    return [f"the policy is {told} {control} ({p_text(path.p)}, paired on the same examples)"]


def with_tests(rows: dict[str, Scores]) -> dict[str, Scores]:
    """Return scores by name, the agent's first, in which each control has the p-value of its difference from it."""
    (_, own), *_ = rows.items()
    tested = dict(rows)
    for name, control in list(rows.items())[1:]:
        if own.greedy_missed is not None and control.greedy_missed is not None:
            p = paired_p(np.array(own.greedy_missed), np.array(control.greedy_missed))
            tested[name] = replace(control, p=p)
    return tested


def describe_attention_gain(rows: dict[str, Scores]) -> list[str]:
    """Return a line with the attention gain over two controls; no line for an agent without controls."""
    gain = attention_gain({name: scores.greedy.error for name, scores in rows.items()})
    correlation = next(iter(rows.values())).greedy.is_correlation
    unit, written = ("Pearson's r", "{:+.4f}") if correlation else ("percentage points", "{:+.2f}")
    shown = ", ".join(
        f"{written.format(gain[name] / (100 if correlation else 1))} over {name}"
        for name in (RANDOM, MEAN_SCANPATH)
        if name in gain
    )
    return [f"attention gain, greedy, {unit}: {shown}"] if shown else []
