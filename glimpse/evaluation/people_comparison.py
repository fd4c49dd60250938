"""Comparison of an agent with people, on the digits that they saw in AttentionMNIST.

Axes: S sequences of people, T looks, E digits, M episodes of each digit, B = E * M.
"""

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.vision.locators import Locator, RandomLocator
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.human_glimpses import CLICKS
from glimpse.envs.images.shown_digits import ShownDigits
from glimpse.envs.lane_random import mix
from glimpse.evaluation.given_looks import GivenLooks
from glimpse.evaluation.information_gain import counted_looks, information_gain, without_group, without_own
from glimpse.evaluation.saliency_looks import saliency_looks
from glimpse.evaluation.scanpath_match import scanpath_match, usual_amplitude
from glimpse.evaluation.selected_sequences import estimate_selection
from glimpse.runs.rollout import play

EPISODES = 12
"""Episodes M that the agent plays of each digit; people looked at a digit 11.6 times on average."""
PEOPLE, AGENT, RANDOM, SALIENCY, AT_PEOPLE = "people", "agent", "random", "saliency", "at_people"
TITLES = {
    PEOPLE: "people",
    AGENT: "agent",
    RANDOM: "random looks",
    SALIENCY: "largest variance",
    AT_PEOPLE: "people's looks",
}
"""Who looks, by name; the last three are control locators of the agent's network."""


class PlayedLooks(NamedTuple):
    """Episodes on the digits that people saw.

    right: (B, T) bool, whether the answer after each look was right.
    look: (B, T, 2), the location of each look.
    example: (B,) int64 in [0, E), the digit.
    """

    right: Tensor
    look: Tensor
    example: Tensor


@dataclass(frozen=True)
class Selection:
    """How far a selection of sequences that end right flatters people, in percent.

    The share that ends wrong is estimated from those that end right by `estimate_selection`: with probabilities that
    are the same at each look, and with changing ones. For the network's own episodes the truth is known too.

    kept: right answers after each look in the agent's episodes that end right, alone; empty if none does.
    ends_wrong: share of the agent's episodes, and of those at people's looks, by name.
    estimated: both estimates of the share that ends wrong, of people's sequences and of these, by name.
    corrected: people's right answers after each look without the selection, by both estimates.
    """

    kept: list[float]
    ends_wrong: dict[str, float]
    estimated: dict[str, list[float]]
    corrected: list[list[float]]


@dataclass(frozen=True)
class PeopleComparison:
    """Comparison of an agent with people.

    right_after: right answers after each look in percent: of people, of the agent, and of the same network where it
        looks at random, at the windows of largest local variance, and where people looked.
    information_gain: bits for each click of people that a map of looks adds to the centre bias: that of other people's
        clicks on the digit, of the agent's looks, of the windows of largest variance, and of random looks.
    similarity: ScanMatch's score with people's scanpaths on the same digit: of other people, and so on.
    selection: how far the selection flatters people.
    """

    right_after: dict[str, list[float]]
    information_gain: dict[str, float]
    similarity: dict[str, float]
    selection: Selection


def compare_with_people(agent: Agent, env: Classification, shown: ShownDigits, seed: int) -> PeopleComparison:
    """Compare an agent with people.

    Args:
        agent: it answers after each look.
        env: the agent's environment, whose options say how it looks.
        shown: the digits and what people did.
        seed: of the agent's episodes.
    """
    played = play_as_people(agent, env, shown, seed)
    people = PlayedLooks(shown.people.right, shown.people.look, shown.example)
    right = {PEOPLE: people, **played}
    steps = min(CLICKS, agent.steps)
    curves = {name: percent_right(one.right[:, :steps]) for name, one in right.items()}
    maps = {name: one for name, one in played.items() if name != AT_PEOPLE}
    named = shown.people.named[torch.arange(len(people.example)), :, shown.people.label]
    own = {name: played[name].right[:, :steps] for name in (AGENT, AT_PEOPLE)}
    selection = _measure_selection(named[:, :steps], own)
    return PeopleComparison(curves, _gains(people, maps, env.retina.width), _similarities(people, maps), selection)


def play_as_people(agent: Agent, env: Classification, shown: ShownDigits, seed: int) -> dict[str, PlayedLooks]:
    """Play the digits that people saw: as the agent samples its looks, and with three control locators."""
    digits = Classification(env.options, shown.data, device=env.device)
    every = torch.arange(digits.examples, device=env.device)
    first = digits.initial_location.start
    start = torch.zeros(2) if first is None else first.cpu()
    salient = saliency_looks(shown.data.images, env.retina.options.patch, start, agent.steps)
    theirs = shown.people.look.roll(-1, 1).transpose(0, 1)[: agent.steps]
    more = theirs[-1:].expand(max(0, agent.steps - len(theirs)), -1, -1)
    locators: dict[str, tuple[Locator | None, Tensor, int]] = {
        AGENT: (None, every, EPISODES),
        RANDOM: (RandomLocator(), every, EPISODES),
        SALIENCY: (GivenLooks(salient.to(env.device)), every, 1),
        AT_PEOPLE: (GivenLooks(torch.cat([theirs, more]).to(env.device)), shown.example.to(env.device), 1),
    }
    return {name: _played(agent, digits, *how, seed) for name, how in locators.items()}


def _played(
    agent: Agent, env: Classification, locator: Locator | None, example: Tensor, copies: int, seed: int
) -> PlayedLooks:
    """Play sampled episodes, with a control locator if there is one."""
    if locator is not None:
        agent, whole = copy.copy(agent), agent
        agent._modules = {**whole._modules, "locator": locator}
    key = mix(torch.arange(len(example), device=env.device), seed)
    episode = play(env, agent, example, key, copies=copies)
    answer = episode.carry_forward(episode.answer).argmax(-1)
    look = episode.carry_forward(episode.observation["location"])
    right = answer == episode.label
    return PlayedLooks(right.T.cpu(), look.transpose(0, 1).float().cpu(), example.repeat_interleave(copies).cpu())


def percent_right(right: Tensor) -> list[float]:
    """Return the percentage of right answers after each look, of (B, T) bool."""
    return [float(share) for share in 100 * right.double().mean(0)]


def _gains(people: PlayedLooks, maps: dict[str, PlayedLooks], side: int) -> dict[str, float]:
    """Return the information gains of other people and of maps; the first look, which is given, is left out."""
    clicks = counted_looks(people.look[:, 1:], side)
    centre, fold = without_group(clicks, people.example), people.example % 2 == 0
    digits = int(people.example.max()) + 1
    mapped = {PEOPLE: without_own(clicks, people.example)}
    for name, one in maps.items():
        counts = torch.zeros(digits, side, side).index_add_(0, one.example, counted_looks(one.look[:, 1:], side))
        mapped[name] = counts[people.example]
    return {name: information_gain(clicks, centre, counts, fold) for name, counts in mapped.items()}


def _similarities(people: PlayedLooks, maps: dict[str, PlayedLooks]) -> dict[str, float]:
    """Return the mean ScanMatch scores of other people's scanpaths and of others; first looks are left out."""
    threshold = usual_amplitude(people.look[:, 1:])
    return {name: _mean_match(people, one, threshold, name == PEOPLE) for name, one in {PEOPLE: people, **maps}.items()}


def _mean_match(people: PlayedLooks, others: PlayedLooks, threshold: float, same: bool) -> float:
    """Return the mean score over all pairs of scanpaths on one digit; `same` leaves out pairs of one with itself."""
    pairs = people.example[:, None] == others.example
    if same:
        pairs = pairs.triu(1)
    one, other = pairs.nonzero().T
    return float(scanpath_match(people.look[one, 1:], others.look[other, 1:], threshold).mean())


def _measure_selection(people: Tensor, own: dict[str, Tensor]) -> Selection:
    """Estimate what a selection did to people's sequences (S, T), and check the estimates by own episodes (B, T)."""
    whole = {PEOPLE: people, **own}
    estimates = {
        name: [estimate_selection(right[right[:, -1]], changing=changing) for changing in (False, True)]
        for name, right in whole.items()
        if right[:, -1].any()
    }
    kept = own[AGENT][own[AGENT][:, -1]]
    return Selection(
        kept=percent_right(kept) if len(kept) else [],
        ends_wrong={name: 100 - percent_right(right)[-1] for name, right in own.items()},
        estimated={name: [100 * one.left_out for one in both] for name, both in estimates.items()},
        corrected=[[100 * share for share in one.right_after] for one in estimates[PEOPLE]],
    )


def is_compared(task: Any) -> bool:
    """Return whether runs of a task are compared with people: the digits that they saw are left out of training."""
    return getattr(task, "exclude", None) == "people"
