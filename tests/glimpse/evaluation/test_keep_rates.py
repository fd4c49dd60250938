"""Words that were chosen: their shares, and what is said where the choice says nothing."""

import pytest
import torch

from glimpse.agents.episode import Episode
from glimpse.evaluation.keep_rates import KeptWords, describe_kept, exceeds, kept_words, selection_warnings

TEXT = torch.tensor([[[5, 6, 7, 9, 0], [8, 4, 0, 0, 0]]])


def test_shares_are_of_real_words() -> None:
    """Of a pair the mean of both texts; nothing where nothing is chosen."""
    nothing = torch.zeros(1, 2)
    first = torch.tensor([[[True, False, True, False, False], [True, True, False, False, True]]])
    chosen = {"head": first, "dependent": ~first, "head2": torch.ones_like(first), "dependent2": first}
    seen = {"text": TEXT, "text2": TEXT}
    episode = Episode(seen, {}, nothing[..., None], nothing, nothing == 0, torch.zeros(2), 1, chosen)
    shares = kept_words(episode)
    assert shares["heads"].tolist() == [0.75, 1.0] and shares["dependents"].tolist() == [0.5, 0.5]
    plain = Episode(seen, {}, nothing[..., None], nothing, nothing == 0, torch.zeros(2), 1, {"tokens": nothing})
    assert kept_words(plain) == {}


@pytest.mark.parametrize(("share", "said"), [(0.0, "hardly a word"), (0.5, ""), (1.0, "nearly all words")])
def test_a_choice_that_says_nothing_is_warned_of(share: float, said: str) -> None:
    """In plain words, with the share."""
    found = selection_warnings({"heads": share})
    assert bool(found) == bool(said) and all(said in line and f"{100 * share:.1f} %" in line for line in found)


def test_more_than_was_asked_for() -> None:
    """By more than a quarter; of heads and dependents the mean; who was asked for nothing exceeds nothing."""
    assert exceeds({"kept": 0.26}, 0.2) and not exceeds({"kept": 0.24}, 0.2) and not exceeds({"kept": 1.0}, None)
    assert not exceeds({"heads": 0.7, "dependents": 0.29}, 0.4) and exceeds({"heads": 0.7, "dependents": 0.31}, 0.4)
    assert not exceeds({"read": 1.0}, 0.2) and not exceeds({}, 0.2)
    assert selection_warnings({"kept": 0.26}, 0.2) == ["more words are chosen than were asked for: 20 % were"]
    assert selection_warnings({"kept": 0.26}) == [] == selection_warnings({"kept": 0.24}, 0.2)


class Marked:
    """A world in which the first word of each text is marked."""

    def marked(self, example: torch.Tensor) -> torch.Tensor:
        """Of texts of five words."""
        return (torch.arange(5) == 0).expand(len(example), 5)


def test_recall_and_precision_by_hand() -> None:
    """Two copies of a text of four words: one keeps the marked word and another, one keeps two others."""
    nothing = torch.zeros(1, 2)
    kept = torch.tensor([[[1.0, 1, 0, 0, 0], [0, 0.5, 1, 0, 0]]])
    seen = {"text": torch.tensor([[[5, 6, 7, 9, 0]] * 2])}
    episode = Episode(seen, {}, nothing[..., None], nothing, nothing == 0, torch.zeros(2), 2, {"kept": kept})
    words = KeptWords()
    for _ in range(3):
        words.add(episode, torch.tensor([0]), Marked())  # type: ignore[arg-type]
    expected = {"kept": 0.5, "marked_recall": 0.5, "marked_precision": 0.25, "marked_f1": 1 / 3}
    assert words.summary() == pytest.approx(expected)
    assert describe_kept(words.summary())[1] == "marked words: recall 50.0 %, precision 25.0 %, F1 33.3 %"
    assert selection_warnings(words.summary()) == [] and KeptWords().summary() == {}
