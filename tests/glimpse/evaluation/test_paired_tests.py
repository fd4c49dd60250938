"""Tests of paired tests: against known p-values, other implementations, and what must hold for any data."""

import numpy as np
import pytest
import torch
from sacrebleu.metrics.bleu import BLEU

from glimpse.evaluation.bleu_counts import count_matches
from glimpse.evaluation.correlation import pearson
from glimpse.evaluation.paired_tests import IncomparableError, mcnemar_p, paired_bootstrap, paired_tests


def test_mcnemar_by_hand_and_by_scipy() -> None:
    """1 of 9 pairs has p = 2 (1 + 9) / 2^9; without differing pairs, or with as many of both, p is 1."""
    from scipy.stats import binomtest  # Only this test needs it, which takes a second.

    assert mcnemar_p(1, 8) == mcnemar_p(8, 1) == 20 / 512
    assert mcnemar_p(0, 0) == mcnemar_p(3, 3) == mcnemar_p(2, 3) == 1.0
    for one, other in ((0, 6), (12, 30), (480, 520), (4000, 4300)):
        assert mcnemar_p(one, other) == pytest.approx(binomtest(one, one + other).pvalue)


def _classes(answers: list[int]) -> dict[str, np.ndarray]:
    return {"label": np.zeros((len(answers), 1), np.int32), "answer": np.array(answers, np.int32)[:, None]}


def test_errors_are_compared_by_example() -> None:
    """Of ten examples the first run is wrong on two and the second on eight others: p = 2 (1 + 10 + 45) / 2^10."""
    (found,) = paired_tests(_classes([1, 1] + [0] * 8), _classes([0, 0] + [1] * 8))
    assert (found.first, found.second, found.difference) == pytest.approx((20.0, 80.0, 60.0))
    assert found.p == 112 / 1024 and found.test == "McNemar, exact" and found.examples == 10
    assert -100 <= found.low < 60 < found.high <= 100


def test_an_example_of_two_answers_is_wrong_if_one_is() -> None:
    """A pair of digits counts once."""
    label = np.zeros((3, 2), np.int32)
    one = {"label": label, "answer": np.array([[0, 1], [1, 1], [0, 0]], np.int32)}
    (found,) = paired_tests(one, {"label": label, "answer": label})
    assert found.first == pytest.approx(200 / 3) and found.second == 0.0 and found.p == 0.5


def test_equal_runs_do_not_differ() -> None:
    """The difference and its interval are zero, and p is 1, whatever is compared."""
    random = np.random.default_rng(0)
    scores = {"true": random.normal(size=30), "predicted": random.normal(size=30)}
    texts = {"bleu": count_matches(["a cat sat down here"] * 3, ["a cat sat down there"] * 3)}
    for columns in (scores, texts, {"reward": random.normal(size=5)}, _classes([0, 1, 1])):
        for found in paired_tests(columns, columns):
            assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_bootstrap_of_a_mean_is_the_normal_test() -> None:
    """For the mean of many numbers, interval and p-value are those of the central limit theorem."""
    random = np.random.default_rng(1)
    first, second = random.normal(size=400), random.normal(0.1, 1, 400)
    sides = [np.stack([one, np.ones(400)], 1) for one in (first, second)]
    low, high, p = paired_bootstrap(sides[0], sides[1], lambda sums: float(sums[0] / sums[1]), 4000)
    spread = (second - first).std() / 20
    mean = (second - first).mean()
    assert low == pytest.approx(mean - 1.96 * spread, abs=0.15 * spread)
    assert high == pytest.approx(mean + 1.96 * spread, abs=0.15 * spread)
    assert p == pytest.approx(2 * torch.special.ndtr(torch.tensor(-abs(mean) / spread)).item(), abs=0.03)


def test_scores_and_their_order() -> None:
    """Correlations and errors are those of all examples; exchanged runs have the opposite difference."""
    random = np.random.default_rng(2)
    true = (100 + random.normal(size=60)).astype(np.float32)
    good, bad = (true + random.normal(0, spread, 60).astype(np.float32) for spread in (0.1, 2.0))
    found = paired_tests({"true": true, "predicted": bad}, {"true": true, "predicted": good})
    assert [one.metric for one in found] == ["Pearson's r", "squared error", "absolute error"]
    assert found[0].first == pytest.approx(pearson(torch.from_numpy(bad), torch.from_numpy(true)))
    assert found[1].first == pytest.approx(float(((bad - true) ** 2).mean()), rel=1e-5)
    assert all(one.p < 0.01 for one in found) and found[0].low > 0 > found[1].high
    turned = paired_tests({"true": true, "predicted": good}, {"true": true, "predicted": bad})
    assert [one.difference for one in turned] == pytest.approx([-one.difference for one in found])


def test_bleu_is_compared_as_a_corpus() -> None:
    """BLEU of both runs is sacrebleu's, and a run that copies the references is better."""
    true = [f"the {name} sat on the {place} all day" for name in ("cat", "dog", "bird") for place in ("mat", "bed")] * 3
    given = [text.replace("all day", "for long") if at % 2 else text for at, text in enumerate(true)]
    (found,) = paired_tests({"bleu": count_matches(given, true)}, {"bleu": count_matches(true, true)})
    assert found.first == pytest.approx(BLEU().corpus_score(given, [true]).score)
    assert found.second == pytest.approx(100) and found.low > 0 and found.p < 0.01


def test_what_cannot_be_compared() -> None:
    """Answers of other kinds, numbers of examples or tokens, and columns that do not belong together."""
    counts = count_matches(["a b c d"], ["a b c d"])
    cases = [
        (_classes([0]), {"reward": np.zeros(1)}, "different kinds"),
        ({}, {}, "different kinds"),
        (_classes([0]), _classes([0, 1]), "numbers of examples"),
        ({"bleu": counts}, {"bleu": counts + 1}, "of different tokens"),
        ({"answer": np.zeros((2, 1))}, {"answer": np.zeros((2, 1))}, "damaged"),
        ({"reward": np.zeros(0)}, {"reward": np.zeros(0)}, "or none"),
    ]
    for first, second, message in cases:
        with pytest.raises(IncomparableError, match=message):
            paired_tests(first, second)
