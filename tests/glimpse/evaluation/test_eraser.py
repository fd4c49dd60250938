"""Tests of ERASER's metrics, against numbers by hand."""

import numpy as np
import pytest
import sklearn.metrics
import torch

from glimpse.evaluation.eraser import (
    Bools,
    auprc,
    average_precision,
    highest_scoring,
    probability_drop,
    spans,
    spans_macro,
    tokens_macro,
    tokens_micro,
    words_to_keep,
)


def words(pattern: str) -> Bools:
    """Return a rationale in which each `x` is a word of it."""
    return np.array([letter == "x" for letter in pattern])


PREDICTED = [words("xx..x."), words("...x")]
HUMAN = [words(".xx..."), words("xxxx")]


def test_macro_and_micro_agreement() -> None:
    """The first document has P = 1/3, R = 1/2 and F1 = 2/5, the second one P = 1, R = 1/4 and F1 = 2/5."""
    assert tokens_macro(PREDICTED, HUMAN) == pytest.approx((2 / 3, 3 / 8, 2 / 5))
    assert tokens_micro(PREDICTED, HUMAN) == pytest.approx((2 / 4, 2 / 6, 2 / 5))


def test_agreement_of_empty_rationales_is_zero() -> None:
    """Empty rationales have an F1 of 0, without a division by zero."""
    nothing = [words("....")]
    for one, gold in ((nothing, [HUMAN[1]]), ([HUMAN[1]], nothing), (nothing, nothing)):
        assert tokens_macro(one, gold).f1 == tokens_micro(one, gold).f1 == spans_macro(one, gold).f1 == 0


def test_spans_are_consecutive_words() -> None:
    """A span is given by its first word and the first word after it."""
    assert spans(words("xx..x.x")).tolist() == [[0, 2], [4, 5], [6, 7]]
    assert spans(words("...")).shape == (0, 2)


def test_spans_match_from_half_intersection_over_union_on() -> None:
    """4 of 8 words match and 3 of 7 do not; precision and recall are means over documents."""
    gold = words("..xxxxxx..")
    half, less = words("xxxxxx...."), words("xxxxx.....")
    assert spans_macro([half], [gold]) == (1, 1, 1) and spans_macro([less], [gold]) == (0, 0, 0)
    assert spans_macro([less], [gold], threshold=3 / 8).f1 == 1
    # P = 1/2 and R = 1 in the first document, P = 1 and R = 1/2 in the second: both means are 3/4.
    predicted, human = [words("xx..xx"), words("xx....")], [words("xx...."), words("xx.x..")]
    assert spans_macro(predicted, human) == pytest.approx((3 / 4, 3 / 4, 3 / 4))
    # A document with an empty predicted rationale has no precision, but a recall of 0.
    assert spans_macro([*predicted, words("...")], [*human, words("x..")]) == pytest.approx((3 / 4, 1 / 2, 3 / 5))


def test_average_precision_is_the_mean_precision_at_each_word_of_the_human_rationale() -> None:
    """Words ranked first and third give (1/1 + 2/3) / 2; full and empty human rationales are left out."""
    scores = np.array([0.9, 0.5, 0.1, 0.7], np.float32)
    assert average_precision([scores], [words("xx..")]) == pytest.approx(5 / 6)
    assert average_precision([scores] * 3, [words("xx.."), words("xxxx"), words("....")]) == pytest.approx(5 / 6)
    assert average_precision([np.zeros(4, np.float32)], [words("x...")]) == pytest.approx(1 / 4)  # All words tie.


@pytest.mark.parametrize(
    ("scores", "gold", "area"),
    [
        # Precision and recall are 1 and 1/2 after a word, 1/2 and 1/2 after two, 2/3 and 1 after three.
        ([0.9, 0.5, 0.1, 0.7], "xx..", 1 / 2 * 1 + 1 / 2 * (1 / 2 + 2 / 3) / 2),
        ([4, 3, 2, 1], "xx..", 1),
        ([1, 2, 3, 4], "x...", (0 + 1 / 4) / 2 * 1),
        ([0, 0, 0, 0], "x...", (1 + 1 / 4) / 2),
        ([2, 2, 1, 1], "x.x.", 1 / 2 * (1 + 1 / 2) / 2 + 1 / 2 * (1 / 2 + 1 / 2) / 2),
    ],
)
def test_auprc_adds_trapezoids(scores: list[float], gold: str, area: float) -> None:
    """The curve begins with precision 1 at recall 0; documents without a mixture are left out."""
    salience = np.array(scores, np.float32)
    assert auprc([salience], [words(gold)]) == pytest.approx(area)
    assert auprc([salience] * 3, [words(gold), words("xxxx"), words("....")]) == pytest.approx(area)
    assert auprc([], []) == 0


def test_probability_drop_by_hand() -> None:
    """The paper's example: .90 from the whole text, .60 without the rationale, .85 from the rationale alone."""
    full = torch.tensor([[0.1, 0.9], [0.9, 0.1]])
    without, alone = torch.tensor([[0.4, 0.6], [0.6, 0.4]]), torch.tensor([[0.15, 0.85], [0.85, 0.15]])
    assert probability_drop(full, without).tolist() == pytest.approx([0.3, 0.3])
    assert probability_drop(full, alone).tolist() == pytest.approx([0.05, 0.05])
    assert probability_drop(full, full.flip(1)).tolist() == pytest.approx([0.8, 0.8])


def test_highest_scoring_words_and_their_number() -> None:
    """Of equal scores the earlier word is taken; at least one word is kept."""
    scores = np.array([0.5, 0.9, 0.5, 0.5], np.float32)
    assert highest_scoring(scores, 2).tolist() == [True, True, False, False]
    assert words_to_keep(770, 0.01) == 8 and words_to_keep(10, 0.01) == 1 and words_to_keep(20, 0.2) == 4


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_areas_are_those_of_scikit_learn(levels: int) -> None:
    """Also where words tie: of few levels of salience, or of as many as there are words."""
    random = np.random.default_rng(levels)
    for _ in range(100):
        count = int(random.integers(2, 30))
        gold = random.permutation(count) < random.integers(1, count)
        salience = (random.integers(0, levels, count) / levels - 0.5).astype(np.float32)
        precision, recall, _ = sklearn.metrics.precision_recall_curve(gold, salience)
        assert auprc([salience], [gold]) == pytest.approx(sklearn.metrics.auc(recall, precision))
        expected = sklearn.metrics.average_precision_score(gold, salience)
        assert average_precision([salience], [gold]) == pytest.approx(expected)
