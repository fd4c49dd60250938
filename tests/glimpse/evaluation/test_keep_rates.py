"""Tests of keep rates, their warnings, and their agreement with human rationales."""

import pytest
import torch

from glimpse.agents.episode import Episode
from glimpse.evaluation.keep_rates import (
    KeepRates,
    chosen_rates,
    describe_keep_rates,
    exceeds_target,
    selection_warnings,
)

TEXT = torch.tensor([[[5, 6, 7, 9, 0], [8, 4, 0, 0, 0]]])


def test_rates_are_fractions_of_real_words() -> None:
    """The rate of a pair is the mean of both texts; an agent that selects nothing has none."""
    nothing = torch.zeros(1, 2)
    first = torch.tensor([[[True, False, True, False, False], [True, True, False, False, True]]])
    chosen = {"head": first, "dependent": ~first, "head2": torch.ones_like(first), "dependent2": first}
    seen = {"text": TEXT, "text2": TEXT}
    episode = Episode(seen, {}, nothing[..., None], nothing, nothing == 0, torch.zeros(2), 1, chosen)
    rates = chosen_rates(episode)
    assert rates["heads"].tolist() == [0.75, 1.0] and rates["dependents"].tolist() == [0.5, 0.5]
    plain = Episode(seen, {}, nothing[..., None], nothing, nothing == 0, torch.zeros(2), 1, {"tokens": nothing})
    assert chosen_rates(plain) == {}


@pytest.mark.parametrize(("rate", "message"), [(0.0, "hardly any words"), (0.5, ""), (1.0, "nearly all words")])
def test_extreme_rates_are_warned_of(rate: float, message: str) -> None:
    """The warning has the rate."""
    found = selection_warnings({"heads": rate})
    assert bool(found) == bool(message) and all(message in line and f"{100 * rate:.1f} %" in line for line in found)


def test_rates_above_their_target() -> None:
    """A rate, or the mean of heads and dependents, exceeds its target from 1.25 times the target on."""
    assert (
        exceeds_target({"keep_rate": 0.26}, 0.2)
        and not exceeds_target({"keep_rate": 0.24}, 0.2)
        and not exceeds_target({"keep_rate": 1.0}, None)
    )
    assert not exceeds_target({"heads": 0.7, "dependents": 0.29}, 0.4) and exceeds_target(
        {"heads": 0.7, "dependents": 0.31}, 0.4
    )
    assert not exceeds_target({"read": 1.0}, 0.2) and not exceeds_target({}, 0.2)
    assert selection_warnings({"keep_rate": 0.26}, 0.2) == ["more words are selected than the target of 20 %"]
    assert selection_warnings({"keep_rate": 0.26}) == [] == selection_warnings({"keep_rate": 0.24}, 0.2)


class FirstWordEnv:
    """Environment in which the human rationale of each text is its first word."""

    def human_rationale(self, example: torch.Tensor) -> torch.Tensor:
        """Return the human rationales of texts of five words."""
        return (torch.arange(5) == 0).expand(len(example), 5)


def test_agreement_with_human_rationales_by_hand() -> None:
    """Of two copies of a text, one keeps the word of the human rationale and another, the other keeps two others."""
    nothing = torch.zeros(1, 2)
    kept = torch.tensor([[[1.0, 1, 0, 0, 0], [0, 0.5, 1, 0, 0]]])
    seen = {"text": torch.tensor([[[5, 6, 7, 9, 0]] * 2])}
    episode = Episode(seen, {}, nothing[..., None], nothing, nothing == 0, torch.zeros(2), 2, {"kept": kept})
    words = KeepRates()
    for _ in range(3):
        words.add(episode, torch.tensor([0]), FirstWordEnv())  # type: ignore[arg-type]
    expected = {"keep_rate": 0.5, "rationale_recall": 0.5, "rationale_precision": 0.25, "rationale_f1": 1 / 3}
    assert words.summary() == pytest.approx(expected)
    assert describe_keep_rates(words.summary()) == [
        "50.0 % of words are kept",
        "words of the human rationale: recall 50.0 %, precision 25.0 %, F1 33.3 %",
    ]
    assert selection_warnings(words.summary()) == [] and KeepRates().summary() == {}
