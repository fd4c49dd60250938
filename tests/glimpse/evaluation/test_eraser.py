"""ERASER's measures: every number by hand."""

import numpy as np
import pytest
import torch

from glimpse.evaluation.eraser import (
    Bools,
    average_precision,
    best_words,
    lost,
    share_of,
    spans,
    spans_macro,
    tokens_macro,
    tokens_micro,
)


def words(pattern: str) -> Bools:
    """`x` for a word that is chosen or marked."""
    return np.array([letter == "x" for letter in pattern])


CHOSEN = [words("xx..x."), words("...x")]
MARKED = [words(".xx..."), words("xxxx")]


def test_words_of_each_document_and_of_all_together() -> None:
    """First one of three and of two: P 1/3, R 1/2, F1 2/5; second one of one and of four: P 1, R 1/4, F1 2/5."""
    assert tokens_macro(CHOSEN, MARKED) == pytest.approx((2 / 3, 3 / 8, 2 / 5))
    assert tokens_micro(CHOSEN, MARKED) == pytest.approx((2 / 4, 2 / 6, 2 / 5))


def test_nothing_chosen_or_marked_is_no_division() -> None:
    """It agrees with nothing."""
    nothing = [words("....")]
    for one, gold in ((nothing, [MARKED[1]]), ([MARKED[1]], nothing), (nothing, nothing)):
        assert tokens_macro(one, gold).f1 == tokens_micro(one, gold).f1 == spans_macro(one, gold).f1 == 0


def test_spans_are_words_in_a_row() -> None:
    """Where they begin, and where they are over."""
    assert spans(words("xx..x.x")).tolist() == [[0, 2], [4, 5], [6, 7]]
    assert spans(words("...")).shape == (0, 2)


def test_a_span_matches_where_it_shares_half_of_what_both_cover() -> None:
    """4 of 8 words do, 3 of 7 do not; the mean over documents, and F1 of the means."""
    gold = words("..xxxxxx..")
    half, less = words("xxxxxx...."), words("xxxxx.....")
    assert spans_macro([half], [gold]) == (1, 1, 1) and spans_macro([less], [gold]) == (0, 0, 0)
    assert spans_macro([less], [gold], threshold=3 / 8).f1 == 1
    # One of two chosen spans, for one of one; and one of one, for one of two: means 3/4 both.
    chosen, marked = [words("xx..xx"), words("xx....")], [words("xx...."), words("xx.x..")]
    assert spans_macro(chosen, marked) == pytest.approx((3 / 4, 3 / 4, 3 / 4))
    # A document without a choice has no precision, but a recall of 0.
    assert spans_macro([*chosen, words("...")], [*marked, words("x..")]) == pytest.approx((3 / 4, 1 / 2, 3 / 5))


def test_average_precision_is_the_mean_at_each_marked_word() -> None:
    """Marked words come first and third: (1/1 + 2/3) / 2; documents with marks everywhere or nowhere are left out."""
    scores = np.array([0.9, 0.5, 0.1, 0.7], np.float32)
    assert average_precision([scores], [words("xx..")]) == pytest.approx(5 / 6)
    assert average_precision([scores] * 3, [words("xx.."), words("xxxx"), words("....")]) == pytest.approx(5 / 6)
    assert average_precision([np.zeros(4, np.float32)], [words("x...")]) == pytest.approx(1 / 4)  # All at once.


def test_what_the_likeliest_class_loses() -> None:
    """The reference's example: .90, without the reasons .60, with nothing else .85; of the class that was predicted."""
    full = torch.tensor([[0.1, 0.9], [0.9, 0.1]])
    without, alone = torch.tensor([[0.4, 0.6], [0.6, 0.4]]), torch.tensor([[0.15, 0.85], [0.85, 0.15]])
    assert lost(full, without).tolist() == pytest.approx([0.3, 0.3])
    assert lost(full, alone).tolist() == pytest.approx([0.05, 0.05])
    assert lost(full, full.flip(1)).tolist() == pytest.approx([0.8, 0.8])


def test_the_best_words_are_as_many_as_asked_for() -> None:
    """Of equal ones the earlier."""
    scores = np.array([0.5, 0.9, 0.5, 0.5], np.float32)
    assert best_words(scores, 2).tolist() == [True, True, False, False]
    assert share_of(770, 0.01) == 8 and share_of(10, 0.01) == 1 and share_of(20, 0.2) == 4
