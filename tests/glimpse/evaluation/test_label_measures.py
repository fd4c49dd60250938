"""Measures of several labels and of scores after each glimpse: by hand, and one against the other."""

from typing import Any

import numpy as np
import pytest
import torch

from glimpse.agents.episode import Episode
from glimpse.evaluation.answered_examples import AnsweredExamples
from glimpse.evaluation.compared_answers import ComparedLabels, ComparedScores, compared_answers, f1_of_counts
from glimpse.evaluation.label_measures import measure_labels, print_labels
from glimpse.evaluation.paired_tests import paired_tests
from glimpse.evaluation.scores import EpisodeStatistics
from glimpse.evaluation.split_score import Score

TRUE = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]], np.int8)
GIVEN = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 1, 1]], np.float32)
"""The first and the third answer are exactly right; 9 of 12 single labels are."""


def columns(given: np.ndarray = GIVEN) -> dict[str, Any]:
    """Return answers as columns, with probabilities 0.1 and 0.9."""
    return {"labels": TRUE, "probabilities": np.float32(0.1) + np.float32(0.8) * given}


def episodes(belief: np.ndarray, true: np.ndarray, copies: int) -> Episode:
    """Return episodes of one step with these probabilities (E * M, C), and labels (E, C)."""
    logits = torch.from_numpy(belief).clamp(1e-6, 1 - 1e-6).logit()[None]
    label, step = torch.from_numpy(true).long().repeat_interleave(copies, 0), torch.zeros(1, len(belief))
    action = {"labels": (logits > 0).long()}
    return Episode({}, action, logits, step, step == 0, label, copies, {})


def test_measures_of_labels_by_hand() -> None:
    """Of 4 true labels 3 are given, and 2 others: micro F1 is 6 / (4 + 5); c never occurs, so that its F1 is 0."""
    found = measure_labels(columns(), ("a", "b", "c"))
    assert (found.answers, found.exact_match, found.label_accuracy) == (4, 0.5, 0.75)
    assert (found.micro_precision, found.micro_recall) == (3 / 5, 3 / 4)
    assert found.micro_f1 == pytest.approx(6 / 9) and found.macro_f1 == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    a, b, c = found.labels
    assert (a.precision, a.recall, a.examples) == (1.0, 0.5, 2) and a.f1 == pytest.approx(2 / 3)
    assert (b.recall, b.examples) == (1.0, 2) and b.precision == pytest.approx(2 / 3)
    assert (c.precision, c.recall, c.f1, c.examples) == (0.0, 0.0, 0.0, 0)


def test_a_lone_label() -> None:
    """It is measured as one of several is, not as two classes: right twice, left out once, never given wrongly."""
    given = {"labels": TRUE[:, :1], "probabilities": columns()["probabilities"][:, :1]}
    found = measure_labels(given, ("a",))
    assert (found.micro_precision, found.micro_recall, found.exact_match) == (1.0, 0.5, 0.75)
    assert found.micro_f1 == found.macro_f1 == found.labels[0].f1 == pytest.approx(2 / 3)
    assert len(found.labels) == 1 and found.label_accuracy == 0.75


def test_counts_agree_with_scikit_learn() -> None:
    """Micro and macro F1 of the counts of validation are those of the evaluation, also where nothing is given."""
    random = np.random.default_rng(5)
    true, belief = (random.random((30, 4)) < 0.3).astype(np.int8), random.random((30, 4)).astype(np.float32)
    belief[:, 3] = 0.2
    compared = ComparedLabels()
    for part in (slice(0, 20), slice(20, 30)):
        compared.add(episodes(belief[part], true[part], 1))
    score = compared.averaged_score(torch.zeros(1, 30))
    found = measure_labels({"labels": true, "probabilities": belief}, "abcd")
    assert score.figures == pytest.approx({"micro_f1": found.micro_f1, "macro_f1": found.macro_f1})
    assert score.figures == compared.single_score(torch.zeros(1, 30)).figures
    assert f1_of_counts(torch.zeros(3, 2)) == {"micro_f1": 0.0, "macro_f1": 0.0}


def test_rollouts_are_averaged() -> None:
    """Probabilities 0.9 and 0.2 of a true label have the mean 0.55, so it is given; one rollout alone misses it."""
    true = np.array([[1]], np.int8)
    episode = episodes(np.array([[0.9], [0.2]], np.float32), true, 2)
    compared = ComparedLabels()
    compared.add(episode)
    assert compared.averaged_score(torch.zeros(1, 1)).figures["micro_f1"] == 1.0
    assert compared.single_score(torch.zeros(1, 1)).figures["micro_f1"] == 0.5
    kept = AnsweredExamples(EpisodeStatistics(), None)  # type: ignore[arg-type]  # Labels need nothing of it.
    kept.add(episode, torch.tensor([0]))
    assert kept.columns()["probabilities"].tolist() == [[pytest.approx(0.55, abs=1e-5)]]
    assert kept.columns()["labels"].tolist() == [[1]]


def test_weights_are_chosen_by_micro_f1() -> None:
    """Exactly right answers may be rare with many labels; classes and scores are chosen by their error."""
    score = Score(90.0, 80.0, 95.0, 10, [90.0], {"micro_f1": 0.75, "macro_f1": 0.5})
    assert score.chosen_by == 25.0 and not score.is_correlation
    assert Score(30.0, 20.0, 40.0, 10, [30.0]).chosen_by == 30.0
    assert Score(30.0, 20.0, 40.0, 10, [30.0], {"pearson": 0.7}).is_correlation


def test_scores_after_each_glimpse() -> None:
    """Two rollouts of three examples: errors are those of correlations at each step; a stopped one keeps its score."""
    given = torch.tensor([[[1.0, 1, 2, 2, 4, 4]], [[3.0, 3, 2, 2, 9, 9]]]).squeeze(1)
    step_mask = torch.tensor([[True] * 6, [True, True, True, True, False, False]])
    label = torch.tensor([3.0, 2.0, 1.0]).repeat_interleave(2)
    episode = Episode({}, {"score": given}, torch.zeros(2, 6, 4), torch.zeros(2, 6), step_mask, label, 2, {})
    compared = ComparedScores()
    compared.add(episode)
    score = compared.averaged_score(torch.zeros(2, 3))
    first = torch.corrcoef(torch.tensor([[1.0, 2, 4], [3, 2, 1]]))[0, 1].item()
    last = torch.corrcoef(torch.tensor([[3.0, 2, 4], [3, 2, 1]]))[0, 1].item()
    assert score.after_glimpse == pytest.approx([100 * (1 - first), 100 * (1 - last)], abs=1e-4)
    assert score.figures["squared_error"] == pytest.approx((0 + 0 + 9) / 3) and score.error == score.after_glimpse[-1]
    assert compared.single_score(torch.zeros(2, 3)).figures == pytest.approx(score.figures)


def test_the_action_says_what_is_compared() -> None:
    """Classes are right or wrong, and so is what an environment of another package asks for."""
    assert isinstance(compared_answers({"look", "score"}), ComparedScores)
    assert isinstance(compared_answers({"labels"}), ComparedLabels)
    assert compared_answers({"answer"}) is None and compared_answers({"move"}) is None


def test_runs_are_compared_by_example_and_by_label() -> None:
    """Two of four answers are exactly right in the first run, all in the second."""
    error, f1 = paired_tests(columns(), columns(TRUE.astype(np.float32)))
    assert (error.first, error.second, error.p, error.test) == (50.0, 0.0, 0.5, "McNemar, exact")
    assert f1.metric == "micro F1" and f1.first == pytest.approx(6 / 9) and f1.second == 1.0
    assert 0 <= f1.low <= f1.difference <= f1.high
    for found in paired_tests(columns(), columns()):
        assert found.difference == found.low == found.high == 0.0 and found.p == 1.0


def test_labels_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The commonest first, and of many labels twenty."""
    names = [f"label {number}" for number in range(25)]
    true = np.tile(np.eye(25, dtype=np.int8)[24], (3, 1))
    print_labels(measure_labels({"labels": true, "probabilities": true.astype(np.float32)}, names))
    printed = capsys.readouterr().out
    assert "label 24" in printed and "1.0000" in printed and "and 5 labels more" in printed
    assert printed.index("label 24") < printed.index("label 0 ")
