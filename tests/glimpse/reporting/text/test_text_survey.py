"""Statistics of a survey of texts, checked by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from glimpse.reporting.text.accounts import reading_run
from glimpse.reporting.text.text_survey import TextSurvey, confusion, error_by_length_chart, hop_overlap, survey_texts
from glimpse.runs.trained_run import open_run

MakeRun = Callable[..., Path]


def survey(length: Sequence[int], true: Sequence[float], given: Sequence[float]) -> TextSurvey:
    """Build a survey with these columns."""
    numbers = np.arange(len(length))
    confidence = np.ones(len(length))
    return TextSurvey(numbers, np.array(length), np.array(true), np.array(given), confidence, 0.0, {}, None)


def test_overlap_of_hops() -> None:
    """Equal hops overlap by 1, disjoint ones by 0; with two of three hops equal, by a third; a single one by 0."""
    one, two = [1.0, 0.0], [0.0, 1.0]
    hops = torch.tensor([[one, one, one], [one, one, two], [two, two, two]])
    assert hop_overlap(hops).tolist() == pytest.approx([1, 1 / 3, 1])
    assert hop_overlap(torch.tensor([[one, two]])).tolist() == [0.0]
    assert hop_overlap(torch.tensor([[one]])).tolist() == [0.0]


def test_answers_are_counted_by_class() -> None:
    """Rows of the confusion matrix are true classes."""
    found = survey([1, 1, 1], [0, 0, 2], [0, 1, 1])
    assert confusion(found, 3).tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_the_error_by_length() -> None:
    """Short texts are right and long ones wrong; texts of one length have no chart."""
    length = [*range(1, 9), *range(11, 19)]
    chart = error_by_length_chart(survey(length, [0] * 16, [0] * 8 + [1] * 8), scores=False, mode=", greedy")
    assert chart is not None and chart.title == "Validation error, %, by length, greedy"
    points = chart.series[0].points
    assert len(points) == 8
    assert [error for _, error in points] == [0.0] * 4 + [100.0] * 4
    assert [length for length, _ in points] == [1.5, 3.5, 5.5, 7.5, 11.5, 13.5, 15.5, 17.5]
    assert error_by_length_chart(survey([5, 5, 5], [1, 1, 1], [1, 2, 4]), scores=True) is None


def test_a_mean_attends_to_all_tokens(make_run: MakeRun) -> None:
    """The effective number of n equal weights is n; unknown words are counted."""
    trained = open_run(make_run({"kind": "lstm", "width": 3, "pooling": "mean"}), "validation", "cpu", pytest.fail)
    agent, env = reading_run(trained)
    found = survey_texts(agent, env, [0, 1, 2, 3, 4], trained.experiment.evaluate)
    spread = found.spread["tokens"]
    assert spread.attended == pytest.approx(spread.parts, rel=1e-5) == pytest.approx(found.length.mean())
    assert found.unknown == 0.0 and found.overlap is None


def test_documents_have_a_spread_for_words_and_for_sentences(make_run: MakeRun) -> None:
    """With means at both levels, all sentences and all of their words are attended to."""
    level = {"pooling": "mean", "width": 2}
    path = make_run({"kind": "hierarchical", "words": level, "sentences": level}, sentences=True)
    trained = open_run(path, "validation", "cpu", pytest.fail)
    agent, env = reading_run(trained)
    found = survey_texts(agent, env, list(range(env.examples)), trained.experiment.evaluate)
    assert set(found.spread) == {"sentences", "words"}
    for spread in found.spread.values():
        assert spread.attended <= spread.parts + 1e-5
    assert found.spread["sentences"].attended == pytest.approx(found.spread["sentences"].parts, rel=1e-5)
