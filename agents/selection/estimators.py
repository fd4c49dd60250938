"""Estimators of the gradient by which a selector learns from its reader's error.

REINFORCE (score function), relaxed masks (reparameterisation), or the exact gradient by enumeration. Each returns what
to minimise, and its terms.

Axes: B texts, L words, M selections of each text of an update, n words of the longest text, N classes.
"""

from itertools import product
from typing import Any, Protocol

import torch
from torch import Tensor

from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.embedding import PADDING, Embedding
from glimpse.agents.episode import Batch
from glimpse.agents.errors import AgentError
from glimpse.agents.selection.bernoulli import log_prob
from glimpse.agents.selection.options import ExactOptions, HardKumaOptions, ScoreFunctionOptions, StraightThroughOptions
from glimpse.agents.selection.reinforcement import Reinforcement
from glimpse.agents.selection.relaxed import hard_kuma, straight_through
from glimpse.agents.selection.selector import Selector
from glimpse.agents.text.options import RationaleOptions
from glimpse.agents.text.selecting_reader import greedy_draws, repeat_texts

Texts = dict[str, Tensor]
"""One tensor for each text, by the observation's names: its words (B, L), or the selector's output for them."""
LossAndTerms = tuple[Tensor, dict[str, Tensor]]
"""What to minimise, and its named terms."""


class SelectiveModel(Protocol):
    """Selector and reader as an estimator needs them; see `Rationale`.

    reinforcement: for REINFORCE alone.
    multiplier: Lagrange multiplier of the keep rate, where that has a target.
    """

    options: RationaleOptions
    training: bool
    embedding: Embedding
    selector: Selector
    reinforcement: Reinforcement
    multiplier: Tensor

    def sample_noise(self, batch: Batch, copies: int = 1) -> Texts:
        """Draw the noise of M selections of each text."""

    def keep_words(self, text: Tensor, selector_logits: Tensor, noise: Tensor, greedy: Tensor | bool) -> Tensor:
        """Sample how much of each word is read, (B, L)."""

    def read(self, observation: Texts, need_weights: bool = False, kept: Texts | None = None) -> tuple[Tensor, Any]:
        """Compute logits from the words that are kept."""

    def errors(self, logits: Tensor, label: Tensor) -> LossAndTerms:
        """Compute the error of each answer, (B,)."""

    def weigh(self, errors: Tensor, label: Tensor) -> Tensor:
        """Multiply errors (B,) by the weights of their classes."""

    def complement_errors(self, observation: Texts, kept: Texts, label: Tensor) -> Tensor | None:
        """Compute the errors (B,) of the complement reader, if there is one."""

    def selection_cost(self, kept: Texts, observation: Texts) -> tuple[Tensor, Tensor]:
        """Compute the cost and the keep rate of a selection, (B,) both."""


def estimator_loss(agent: SelectiveModel, observation: Texts, selector_logits: Texts, batch: Batch) -> LossAndTerms:
    """Compute what selector and reader minimise, by the estimator that the agent's options name."""
    match agent.options.estimator:
        case ScoreFunctionOptions():
            return score_function_loss(agent, observation, selector_logits, batch)
        case ExactOptions(longest=longest):
            return enumeration_loss(agent, observation, selector_logits, batch.label, longest)
        case _:
            return relaxed_loss(agent, selector_logits, batch)


def score_function_loss(
    agent: SelectiveModel, observation: Texts, selector_logits: Texts, batch: Batch
) -> LossAndTerms:
    """Compute the loss of REINFORCE; a selection's reward is minus the reader's error and the selection's cost.

    With a target keep rate, a multiplier that grows while more is kept, and shrinks otherwise, is the cost of words.
    """
    # Sample M selections of each text.
    copies = agent.reinforcement.options.copies
    noise = agent.sample_noise(batch, copies)
    observation, selector_logits = repeat_texts(observation, copies), repeat_texts(selector_logits, copies)
    label = batch.label.repeat_interleave(copies, 0)
    greedy = greedy_draws(label, agent.reinforcement, copies)
    kept = {
        name: agent.keep_words(text, selector_logits[name], noise[name], greedy) for name, text in observation.items()
    }

    # Read what is kept: the reader minimises its error, which lowers the selection's reward.
    errors, terms = agent.errors(agent.read(observation, kept=kept)[0], label)
    costs, keep_rates = agent.selection_cost(kept, observation)
    added: dict[str, Tensor] = {}
    options = agent.options.estimator
    if isinstance(options, ScoreFunctionOptions) and options.mean_keep_rate is not None:
        costs = costs + (agent.multiplier - agent.options.cost) * keep_rates
        added = {"multiplier": agent.multiplier.clone()}
        _move_multiplier(agent, options.step, keep_rates.mean() - options.mean_keep_rate)
    reward, total = -errors.detach() - costs, agent.weigh(errors, label).mean()
    complement = agent.complement_errors(observation, kept, label)
    if complement is not None:
        reward = reward + agent.options.remedy_weight * complement.detach()
        total, terms = total + agent.weigh(complement, label).mean(), {**terms, "complement": complement.mean()}

    # Reinforce the log-probability of the draws, one for each group of words.
    draws = {name: agent.selector.first_of_groups(text != PADDING) for name, text in observation.items()}
    log_probs = [log_prob(selector_logits[name], kept[name] > 0, drawn) for name, drawn in draws.items()]
    features = torch.stack([agent.embedding(text).mean(1) for text in observation.values()]).mean(0)
    policy_loss, value_loss = agent.reinforcement(torch.stack(log_probs).sum(0), reward, features)
    terms = {**terms, **added, "keep_rate": keep_rates.mean(), "policy_loss": policy_loss, "reward": reward.mean()}
    return total + policy_loss + value_loss, terms


def relaxed_loss(agent: SelectiveModel, selector_logits: Texts, batch: Batch) -> LossAndTerms:
    """Compute the loss of a relaxed mask; for HardKuma a multiplier holds the expected keep rate at its target."""
    observation, label, noise = batch.observation, batch.label, agent.sample_noise(batch)
    kept = {name: _relaxed_mask(agent, text, selector_logits[name], noise[name]) for name, text in observation.items()}
    errors, terms = agent.errors(agent.read(observation, kept=kept)[0], label)
    errors = agent.weigh(errors, label)
    costs, keep_rates = agent.selection_cost(kept, observation)
    terms = {**terms, "keep_rate": keep_rates.mean()}
    if not isinstance(agent.options.estimator, HardKumaOptions):
        return (errors + costs).mean(), terms

    # The multiplier's penalty takes the place of the cost of the keep rate; the cost of contiguity stays.
    total = errors.mean() + (costs - agent.options.cost * keep_rates).mean()
    expected = _expected_keep_rate(observation, selector_logits)
    total = total + _keep_rate_penalty(agent, agent.options.estimator, expected)
    return total, {**terms, "expected": expected, "multiplier": agent.multiplier.clone()}


def _keep_rate_penalty(agent: SelectiveModel, options: HardKumaOptions, expected: Tensor) -> Tensor:
    """Compute the penalty of an expected keep rate off its target, and update the multiplier in training.

    The multiplier grows while the target is missed, and shrinks otherwise.
    """
    excess = expected - options.target_keep_rate
    penalty = agent.multiplier.clone() * (excess.abs() if options.both_ways else excess)
    _move_multiplier(
        agent, options.step, excess.abs() - 0.1 * options.target_keep_rate if options.both_ways else excess
    )
    return penalty


def _move_multiplier(agent: SelectiveModel, step: float, missed: Tensor) -> None:
    """Let the multiplier grow by a `step` where its target is `missed`, and shrink otherwise; in training only."""
    if agent.training and torch.is_grad_enabled():
        agent.multiplier.mul_((step * missed.detach().sign()).exp()).clamp_(1e-4, 1e3)


def _relaxed_mask(agent: SelectiveModel, text: Tensor, selector_logits: Tensor, noise: Tensor) -> Tensor:
    """Sample a mask with a gradient, (B, L) in [0, 1], from noise (B, 1, L)."""
    real, uniform = text != PADDING, torch.special.ndtr(agent.selector.share_noise(noise.squeeze(1)))
    if isinstance(agent.options.estimator, StraightThroughOptions):
        return straight_through(selector_logits, uniform, agent.options.estimator.temperature) * real
    return hard_kuma(selector_logits).sample(uniform) * real


def _expected_keep_rate(observation: Texts, selector_logits: Texts) -> Tensor:
    """Compute the probability that a word is not 0, averaged over all words; a scalar."""
    real = torch.cat([text.flatten() != PADDING for text in observation.values()])
    zero = torch.cat([hard_kuma(selector_logits[name]).zero.flatten() for name in observation])
    return ((1 - zero) * real).sum() / over_all_ranks(real.sum()).clamp(min=1)


def enumeration_loss(
    agent: SelectiveModel, observation: Texts, selector_logits: Texts, label: Tensor, longest: int
) -> LossAndTerms:
    """Compute the exact expectation of error and cost over all 2^n selections.

    Raises:
        AgentError: for a pair of texts, or for texts of more than `longest` words.
    """
    (name, text), *others = observation.items()
    # On a GPU, training texts come cut to the longest of them.
    n = int((text != PADDING).sum(-1).max()) if text.device.type == "cpu" else text.shape[1]
    if others or n > longest:
        raise AgentError(
            f"agent.estimator exact enumerates all selections of one text of at most {longest} words, not of "
            f"{1 + len(others)} of {n}: set task.max_words, or another estimator"
        )

    # Read each text once for every selection.
    every = torch.tensor(list(product([False, True], repeat=n)))  # (2^n, n)
    every = every.to(text.device, non_blocking=True)
    text, all_logits = (each[:, :n].repeat_interleave(len(every), 0) for each in (text, selector_logits[name]))
    kept = every.repeat(len(label), 1) & (text != PADDING)
    observation, selection = {name: text}, {name: kept.float()}
    labels = label.repeat_interleave(len(every), 0)
    errors, terms = agent.errors(agent.read(observation, kept=selection)[0], labels)
    errors = agent.weigh(errors, labels)
    costs, keep_rates = agent.selection_cost(selection, observation)

    # Selections that differ only at padding are the same one: divide by how often it occurs.
    duplicates = 2.0 ** -(text == PADDING).sum(-1)
    probability = log_prob(all_logits, kept, text != PADDING).exp() * duplicates
    expected = (probability * (errors + costs)).sum() / len(label)
    return expected, {**terms, "keep_rate": (probability * keep_rates).sum() / len(label), "reward": -expected}
