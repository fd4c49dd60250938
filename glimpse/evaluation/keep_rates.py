"""Statistics of the words that an agent selects: keep rates, agreement with human rationales, and warnings.

Axes: T steps, E examples, B = E * M episodes (M copies of each example), L words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Episode
from glimpse.envs.core import BatchedEnv, counts_words, has_rationales
from glimpse.evaluation.scores import EpisodeStatistics

_FEW, _MANY = 0.01, 0.99
"""Keep rates below and above which a selection is warned of."""
_TOLERANCE = 1.25
"""Factor by which a keep rate may exceed its target."""
_RATE_NAMES = {"head": "heads", "dependent": "dependents", "kept": "keep_rate"}
"""Names of the keep rates by activation: heads and dependents of ReSAN, or the words that a selector keeps."""


@dataclass
class KeepRates:
    """Accumulator of keep rates and of agreement with human rationales, filled batch by batch.

    rates: for each batch, the fractions of real words that were selected, (B,) each, by name.
    counts: for each batch, three counts of words: in both rationales, in the predicted and in the human one, (3,).
    """

    rates: list[dict[str, Tensor]] = field(default_factory=list)
    counts: list[Tensor] = field(default_factory=list)

    def add(self, episode: Episode, example: Tensor, env: BatchedEnv) -> None:
        """Add episodes on examples (E,) of an environment; nothing is added for an agent that selects no words."""
        rates = chosen_rates(episode) | read_rate(episode, example, env)
        if not rates:
            return
        self.rates.append(rates)
        human_rationale = env.human_rationale(example) if has_rationales(env) else None
        read = episode.activations.get("kept", episode.activations.get("dependent"))
        if human_rationale is not None and read is not None:
            gold, chosen = human_rationale.repeat_interleave(episode.copies, 0), read[0] > 0
            self.counts.append(torch.stack([each.sum() for each in (gold & chosen, chosen, gold)]))

    def summary(self) -> dict[str, float]:
        """Return the mean rates by name, and the agreement with human rationales where there are any.

        `rationale_recall`, `rationale_precision` and `rationale_f1` count the words of all texts together. Of ReSAN,
        the dependents, which are read, are the predicted rationale.
        """
        names = list(self.rates[0]) if self.rates else []
        numbers = {name: float(torch.cat([each[name] for each in self.rates]).mean()) for name in names}
        if self.counts:
            both, chosen, gold = torch.stack(self.counts).sum(0).tolist()
            numbers["rationale_recall"], numbers["rationale_precision"] = both / max(1, gold), both / max(1, chosen)
            numbers["rationale_f1"] = 2 * both / max(1, chosen + gold)
        return numbers


class WordStatistics(EpisodeStatistics):
    """Collector of keep rates, and of the fraction of words with a positive attention weight."""

    record = True

    def __init__(self, env: BatchedEnv) -> None:
        """Make a collector without episodes."""
        self._env, self._rates, self._attended = env, KeepRates(), list[Tensor]()

    def add(self, episode: Episode, example: Tensor) -> None:
        """Add episodes on examples (E,)."""
        self._rates.add(episode, example, self._env)
        self._attended += attended_words(episode)

    def summary(self, greedy: bool) -> dict[str, Any]:
        """Return the statistics.

        Returns:
            `keep_rates`, see `KeepRates.summary`, and `attended`, the mean fraction of words with a positive attention
            weight; None if the agent has no such weights.
        """
        attended = float(torch.cat(self._attended).mean()) if self._attended else None
        return {"keep_rates": self._rates.summary(), "attended": attended}


def chosen_rates(episode: Episode) -> dict[str, Tensor]:
    """Compute the fractions of real words that were selected before the first step.

    Returns:
        (B,) each, by name: `heads` and `dependents` of ReSAN, or `keep_rate`. For pairs of texts it is the mean of
        both; for an agent that selects no words there is none.
    """
    found: dict[str, list[Tensor]] = {}
    for text, numbers in episode.observation.items():
        for kind, name in _RATE_NAMES.items():
            chosen = episode.activations.get(f"{kind}{text.removeprefix('text')}") if text.startswith("text") else None
            if chosen is not None:
                real = numbers[0] != PADDING
                rate = ((chosen[0] > 0) & real).sum(-1) / real.sum(-1).clamp(min=1)
                found.setdefault(name, []).append(rate)
    return {name: torch.stack(rates).mean(0) for name, rates in found.items()}


def read_rate(episode: Episode, example: Tensor, env: BatchedEnv) -> dict[str, Tensor]:
    """Compute the fraction of words that were `read`, (B,), if the environment shows a text window by window."""
    if not counts_words(env):
        return {}
    shown = ((episode.observation["words"] != PADDING).sum(-1) * episode.step_mask).sum(0)
    return {"read": shown / env.word_counts(example).repeat_interleave(episode.copies).clamp(min=1)}


def attended_words(episode: Episode) -> list[Tensor]:
    """Compute the fraction of real words with a positive weight, (B,), for each text with one weight per word."""
    found = []
    for text, numbers in episode.observation.items():
        weights = episode.activations.get(f"tokens{text.removeprefix('text')}") if text.startswith("text") else None
        if weights is not None:
            real = (numbers[0] != PADDING).sum(-1).clamp(min=1)
            found.append((weights[0] > 0).sum(-1) / real)
    return found


def selection_warnings(summary: Mapping[str, float], target: float | None = None) -> list[str]:
    """Return warnings of a selection that keeps nearly nothing, nearly everything, or more than its target.

    Args:
        summary: what `KeepRates.summary` returned.
        target: the keep rate that was asked for, or None.
    """
    warnings = []
    if target is not None and exceeds_target(summary, target):
        warnings.append(f"more words are selected than the target of {100 * target:g} %")
    for name, rate in _rates_of(summary).items():
        if name == "read":
            continue  # Some agents read everything by design.
        shown = f"{name.replace('_', ' ')}: {100 * rate:.1f} %"
        if rate < _FEW:
            warnings.append(f"hardly any words are selected ({shown}): a lower cost keeps more")
        elif rate > _MANY:
            warnings.append(f"nearly all words are selected ({shown}): a higher cost keeps fewer")
    return warnings


def exceeds_target(summary: Mapping[str, float], target: float | None) -> bool:
    """Return whether the keep rate (the mean of heads and dependents) is more than 1.25 times its target."""
    rates = [summary[name] for name in _RATE_NAMES.values() if name in summary]
    return target is not None and bool(rates) and mean(rates) > _TOLERANCE * target


def describe_keep_rates(summary: Mapping[str, float], rationale: str = "human rationale") -> list[str]:
    """Describe what `KeepRates.summary` returned in words, a string for each rate and one for the agreement.

    `rationale` is what the words that are compared with are called, see `rationale_name`.
    """
    found = [f"{100 * rate:.1f} % of words are {_WORDS.get(name, name)}" for name, rate in _rates_of(summary).items()]
    if "rationale_f1" in summary:
        recall, precision, f1 = (100 * summary[f"rationale_{name}"] for name in ("recall", "precision", "f1"))
        found.append(f"words of the {rationale}: recall {recall:.1f} %, precision {precision:.1f} %, F1 {f1:.1f} %")
    return found


_WORDS = {"keep_rate": "kept"}
"""Names of rates in sentences."""


def _rates_of(summary: Mapping[str, float]) -> dict[str, float]:
    """Return the rates of a summary, without the agreement."""
    return {name: rate for name, rate in summary.items() if name in (*_RATE_NAMES.values(), "read")}
