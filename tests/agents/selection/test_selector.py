"""Tests of selector networks, and of words that are kept or left out in groups."""

import pytest
import torch
from pydantic import ValidationError

from glimpse.agents.selection.options import SelectorOptions
from glimpse.agents.selection.selector import Selector, mean_over_groups
from glimpse.agents.text.options import RationaleOptions

MASK = torch.tensor([[True] * 7, [True] * 3 + [False] * 4])


def make(numbers: int = 1, **options: object) -> Selector:
    """Make a small selector."""
    torch.manual_seed(0)
    return Selector(SelectorOptions.model_validate({"width": 4, **options}), 3, numbers)


@pytest.mark.parametrize("numbers", [1, 2])
@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("kind", ["lstm", "gru", "cnn", "pooled"])
def test_padding_changes_nothing(kind: str, group: int, numbers: int) -> None:
    """A text next to a longer one has the same logits as alone."""
    selector, tokens = make(numbers, kind=kind, words_per_coin=group), torch.randn(2, 7, 3)
    both = selector(tokens, MASK)
    assert both.shape == (2, 7) if numbers == 1 else (2, 7, 2)
    torch.testing.assert_close(both[1:, :3], selector(tokens[1:, :3], MASK[1:, :3]))


def test_a_cnn_sees_neighbours_and_no_more() -> None:
    """A span of three covers one token on each side."""
    selector, tokens = make(kind="cnn", span=3), torch.randn(1, 7, 3)
    other = tokens.clone()
    other[0, 3] += 1
    changed = (selector(tokens, MASK[:1]) - selector(other, MASK[:1])).abs() > 1e-6
    assert changed[0].nonzero().flatten().tolist() == [2, 3, 4]
    with pytest.raises(ValidationError, match="should be odd"):
        SelectorOptions(kind="cnn", span=4)


def test_groups_of_words_by_hand() -> None:
    """Groups of three have the means of 1 2 3, 4 5 6 and 7; in a text of four tokens, those of 1 2 3 and of 4."""
    numbers = torch.arange(1.0, 8).expand(2, 7).unsqueeze(-1)
    mask = torch.stack([torch.arange(7) < 7, torch.arange(7) < 4])
    found = mean_over_groups(numbers, mask, 3).squeeze(-1)
    assert found[0].tolist() == [2, 2, 2, 5, 5, 5, 7] and found[1, :4].tolist() == [2, 2, 2, 4]
    selector = make(words_per_coin=3)
    assert selector.share_noise(numbers[:1, :, 0]).tolist() == [[1, 1, 1, 4, 4, 4, 7]]
    assert selector.first_of_groups(MASK).tolist() == [
        [True, False, False, True, False, False, True],
        [True] + [False] * 6,
    ]


def test_enumeration_needs_single_words() -> None:
    """The exact estimator refuses groups of words."""
    with pytest.raises(ValidationError, match="words_per_coin to 1"):
        RationaleOptions.model_validate({"selector": {"words_per_coin": 2}, "estimator": "exact"})
