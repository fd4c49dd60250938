"""How a selector learns from its reader's error: by the score function, through the choice, or from all choices.

Each of them gives what to minimise, and its terms. Axes: B texts, L words, M choices drawn of each text of an update, n
words of the longest text, N classes.
"""

from itertools import product
from typing import Any, Protocol

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.episode import Episode
from glimpse.agents.errors import AgentError
from glimpse.agents.selection.bernoulli import log_prob
from glimpse.agents.selection.options import ExactOptions, HardKumaOptions, ScoreFunctionOptions, StraightThroughOptions
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.relaxed import hard_kuma, straight_through
from glimpse.agents.selection.selector import Selector
from glimpse.agents.text.selecting_reader import copied, greedy_copies
from glimpse.agents.text_options import RationaleOptions

Texts = dict[str, Tensor]
"""Something of each text, by the observation's names: its words (B, L), or what the selector says of them."""
Learned = tuple[Tensor, dict[str, Tensor]]
"""What to minimise, a scalar, and its terms."""


class Subject(Protocol):
    """What an estimator asks of a selector and its reader; `Rationale` says what each is.

    reinforcement: for the score function alone. multiplier: of a Kumaraswamy variable's rate.
    """

    options: RationaleOptions
    training: bool
    embedding: Embedding
    selector: Selector
    reinforcement: Reinforcement
    multiplier: Tensor

    def toss(self, text: Tensor) -> Tensor:
        """Noise for a choice."""

    def keep(self, text: Tensor, says: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """A choice."""

    def read(self, observation: Texts, need_weights: bool = False, kept: Texts | None = None) -> tuple[Tensor, Any]:
        """Logits, from what is kept."""

    def errors(self, logits: Tensor, label: Tensor) -> Learned:
        """Of an answer, (B,)."""

    def unread(self, observation: Texts, kept: Texts, label: Tensor) -> Tensor | None:
        """Errors, (B,), of who answers from what is not kept, if there is one."""

    def price(self, kept: Texts, observation: Texts) -> tuple[Tensor, Tensor]:
        """What a choice costs, and the share of words kept."""


def estimate(agent: Subject, observation: Texts, says: Texts, episode: Episode) -> Learned:
    """What selector and reader minimise, as the agent's options have it."""
    match agent.options.estimator:
        case ScoreFunctionOptions():
            return by_score(agent, observation, says, episode)
        case ExactOptions(longest=longest):
            return by_enumeration(agent, observation, says, episode.label, longest)
        case _:
            return by_gradient(agent, observation, says, episode.label)


def by_score(agent: Subject, observation: Texts, says: Texts, episode: Episode) -> Learned:
    """REINFORCE: the reward is minus the error and what was kept."""
    copies = agent.reinforcement.options.copies
    observation, says = copied(observation, copies), copied(says, copies)
    label = episode.label.repeat_interleave(copies)
    greedy = greedy_copies(label, agent.reinforcement, copies)
    kept = {name: agent.keep(text, says[name], agent.toss(text), greedy) for name, text in observation.items()}
    errors, terms = agent.errors(agent.read(observation, kept=kept)[0], label)
    costs, shares = agent.price(kept, observation)
    reward, total = -errors.detach() - costs, errors.mean()
    unread = agent.unread(observation, kept, label)
    if unread is not None:
        reward = reward + agent.options.remedy_weight * unread.detach()
        total, terms = total + unread.mean(), {**terms, "complement": unread.mean()}
    coins = {name: agent.selector.tossed(text != PADDING) for name, text in observation.items()}
    likely = [log_prob(says[name], kept[name] > 0, tossed) for name, tossed in coins.items()]
    seen = torch.stack([agent.embedding(text).mean(1) for text in observation.values()]).mean(0)
    gain = agent.reinforcement(torch.stack(likely).sum(0), reward, seen, episode)
    terms = {**terms, "kept": shares.mean(), "policy": gain.policy, "reward": reward.mean()}
    return total + gain.policy + gain.baseline, terms


def by_gradient(agent: Subject, observation: Texts, says: Texts, label: Tensor) -> Learned:
    """Through the choice itself; of HardKuma variables, a multiplier holds the expected rate."""
    kept = {name: _relaxed(agent, text, says[name]) for name, text in observation.items()}
    errors, terms = agent.errors(agent.read(observation, kept=kept)[0], label)
    costs, shares = agent.price(kept, observation)
    terms = {**terms, "kept": shares.mean()}
    if not isinstance(agent.options.estimator, HardKumaOptions):
        return (errors + costs).mean(), terms
    total = errors.mean() + (costs - agent.options.cost * shares).mean()
    expected = _expected_rate(observation, says)
    total = total + _price_of_rate(agent, agent.options.estimator, expected)
    return total, {**terms, "expected": expected, "multiplier": agent.multiplier.clone()}


def _price_of_rate(agent: Subject, options: HardKumaOptions, expected: Tensor) -> Tensor:
    """What it costs to expect another rate than the target; the multiplier grows while that is missed."""
    beyond = expected - options.rate
    price = agent.multiplier.clone() * (beyond.abs() if options.both_ways else beyond)
    if agent.training and torch.is_grad_enabled():
        missed = beyond.abs() - 0.1 * options.rate if options.both_ways else beyond
        agent.multiplier.mul_((options.step * missed.detach().sign()).exp()).clamp_(1e-4, 1e3)
    return price


def _relaxed(agent: Subject, text: Tensor, says: Tensor) -> Tensor:
    """A choice with a gradient, (B, L) in [0, 1]."""
    real, noise = text != PADDING, agent.selector.shared(torch.rand(text.shape, device=text.device))
    if isinstance(agent.options.estimator, StraightThroughOptions):
        return straight_through(says, noise, agent.options.estimator.temperature) * real
    return hard_kuma(says).sample(noise) * real


def _expected_rate(observation: Texts, says: Texts) -> Tensor:
    """The probability of not being 0, a mean over all words."""
    real = torch.cat([text.flatten() != PADDING for text in observation.values()])
    zero = torch.cat([hard_kuma(says[name]).zero.flatten() for name in observation])
    return ((1 - zero) * real).sum() / real.sum().clamp(min=1)


def by_enumeration(agent: Subject, observation: Texts, says: Texts, label: Tensor, longest: int) -> Learned:
    """The expectation itself: all 2^n choices, each by its probability.

    Raises:
        AgentError: of a pair, or of texts of more than `longest` words.
    """
    (name, text), *others = observation.items()
    n = int((text != PADDING).sum(-1).max())
    if others or n > longest:
        raise AgentError(
            f"agent.estimator exact makes all choices of one text of at most {longest} words, not of "
            f"{1 + len(others)} of {n}: set task.max_words, or another estimator"
        )
    every = torch.tensor(list(product([False, True], repeat=n)), device=text.device)  # (2^n, n)
    text, says_all = (each[:, :n].repeat_interleave(len(every), 0) for each in (text, says[name]))
    kept = every.repeat(len(label), 1) & (text != PADDING)
    observation, choice = {name: text}, {name: kept.float()}
    errors, terms = agent.errors(agent.read(observation, kept=choice)[0], label.repeat_interleave(len(every)))
    costs, shares = agent.price(choice, observation)
    # A choice of padding is the same choice again: each counts for what its real words have of it.
    again = 2.0 ** -(text == PADDING).sum(-1)
    chance = log_prob(says_all, kept, text != PADDING).exp() * again
    whole = (chance * (errors + costs)).sum() / len(label)
    return whole, {**terms, "kept": (chance * shares).sum() / len(label), "reward": -whole}
