"""Tests of curves of what is found against how many sentences are opened."""

import json
from dataclasses import asdict
from typing import Any

import pytest
import torch

from glimpse.agents.text.evidence_options import EvidenceReaderOptions
from glimpse.agents.text.evidence_reader import EvidenceReader
from glimpse.agents.text.query_reader import make_evidence_reader
from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.documents.evidence import Evidence
from glimpse.evaluation.scores import evaluation_keys
from glimpse.evaluation.search_curve import CurvePoint, curve_measures, curve_of_record, found_columns, search_curve
from glimpse.evaluation.search_walk import WalkedSearch, walk
from glimpse.evaluation.sentence_agreement import SentenceAgreement, sentence_agreement
from glimpse.runs.rollout import play
from tests.glimpse.evaluation.test_evidence_controls import made

OPTIONS = EvaluateOptions(batch=5, precision="float32")


def reader(env: Evidence, **options: Any) -> EvidenceReader:
    """Return an agent with random weights, that answers at several times."""
    torch.manual_seed(3)
    given = {"sentence_width": 8, "embedding_width": 8, "memory_width": 8, "feature_width": 8, **options}
    chosen = EvidenceReaderOptions.model_validate(given)
    return make_evidence_reader(chosen, env.observation_space, env.action_space).eval()


def answers_later(agent: EvidenceReader, bias: float) -> None:
    """Add a number to the logit of answering."""
    layer: Any = agent.policy
    with torch.no_grad():
        if hasattr(layer, "answers"):
            layer.answers.bias += bias
        else:
            layer.opens.bias[0] += bias


def played(agent: EvidenceReader, env: Evidence) -> tuple[float, ...]:
    """Return the means of greedy episodes: opened, found, accuracy, words."""
    example = torch.arange(env.examples)
    episode = play(env, agent, example, evaluation_keys(env, OPTIONS), greedy=True)
    info = env.lane_info()
    right = episode.belief[-1].argmax(-1) == episode.label
    columns = (info["opened"], info["evidence_found"], right, info["words_read"])
    return tuple(float(column.double().mean()) for column in columns)


def shown(point: CurvePoint) -> tuple[float, ...]:
    """Return the means of a point."""
    return point.opened, point.found, point.accuracy, point.words


@pytest.mark.parametrize("point", ["choose", "query"])
def test_curve_holds_the_searches_of_every_bias(point: str) -> None:
    """What the curve says of a bias is what an agent finds to whose logit of answering it was added."""
    env = made(opens=5, candidates=6, point=point)
    agent = reader(env)
    answers_later(agent, -0.05)
    walked = walk(agent, env, OPTIONS)
    assert walked is not None
    curve = search_curve(walked)
    assert shown(curve.own) == pytest.approx(played(agent, env))
    numbers = [one.opened for one in curve.points]
    assert numbers == sorted(numbers) and numbers[0] == 0 and numbers[-1] == 5 and len(numbers) > 4
    for one in curve.points[1:-1:3]:
        changed = reader(env)
        answers_later(changed, one.bias - 0.05)
        assert shown(one) == pytest.approx(played(changed, env))


def test_each_question_is_found_as_often_as_the_curve_says() -> None:
    """The mean over questions is the curve's; questions are between 0 and 1 only where both points differ."""
    env = made(opens=5, candidates=6)
    agent = reader(env)
    answers_later(agent, -0.05)
    walked = walk(agent, env, OPTIONS)
    assert walked is not None
    curve = search_curve(walked)
    columns = {name: part for name, part in found_columns(walked, curve).items() if name.startswith("found")}
    assert list(columns) == [f"found_at_{count}" for count in (1, 2, 3, 4)]  # No more than five are opened.
    for count in (1, 2, 3, 4):
        point, column = curve.at(count), columns[f"found_at_{count}"]
        assert point is not None and column.shape == (env.examples,) and (0 <= column).all() and (column <= 1).all()
        assert column.mean() == pytest.approx(point.found, abs=1e-6)
    assert curve.between(6.0) is None


def test_exact_numbers_are_those_of_an_agent_that_must_go_on() -> None:
    """Of one that never answers before the task's last sentence; each question's F1 is kept beside the mean."""
    env = made(opens=3, candidates=4)
    agent = reader(env)
    walked = walk(agent, env, OPTIONS)
    assert walked is not None
    curve = search_curve(walked)
    assert [point.opened for point in curve.exact] == [1, 2, 3]
    answers_later(agent, -1e4)
    for count, point in enumerate(curve.exact, 1):
        assert (count, point.found, point.accuracy, point.words) == pytest.approx(
            played(agent, made(opens=count, candidates=4))
        )
        each = found_columns(walked, curve)[f"f1_first_{count}"]
        assert each.shape == (env.examples,) and each.mean() == pytest.approx(point.f1)
    record = {"search_curve": json.loads(json.dumps(asdict(curve)))}
    assert curve_measures(record)["f1_first_2"] == pytest.approx(100 * curve.exact[1].f1)
    del record["search_curve"]["exact"]  # As in a record of before.
    assert "f1_first_2" not in curve_measures(record) and "f1_at_1" in curve_measures(record)


def test_questions_with_few_sentences_are_over_when_all_are_opened() -> None:
    """Nothing is read again: the answer stays, and without all that was opened the question alone is left."""
    env = made(store="own", opens=15, candidates=16)
    agent = reader(env)
    answers_later(agent, -1e4)
    walked = walk(agent, env, OPTIONS)
    assert walked is not None
    counts = walked.opened[-1]
    assert 1 < counts.min() and counts.max() < 15 and torch.equal(walked.stops(), counts)
    for lane, count in enumerate(counts.tolist()):
        assert torch.equal(walked.belief[count:, lane], walked.belief[count, lane].expand(16 - count, -1))
        assert not torch.equal(walked.belief[count, lane], walked.belief[0, lane])
    assert torch.allclose(walked.without, walked.belief[0], atol=1e-6)
    curve = search_curve(walked)
    drops = (walked.belief[-1] - walked.belief[0]).take_along_dim(walked.belief[-1].argmax(1, keepdim=True), 1)
    assert curve.sufficiency == 0 and curve.comprehensiveness == pytest.approx(drops.mean().item(), abs=1e-6)
    assert len(curve.exact) == counts.max() and curve.exact[-1].opened == pytest.approx(counts.double().mean().item())
    names = curve.shown_firsts
    assert "exactly 1" in names and all(
        (name == f"exactly {count}") == bool((counts >= count).all())
        for name, count in zip(names, curve.firsts, strict=True)
    )


def test_controls_have_no_curve() -> None:
    """An agent that opens what it is told has not learned when to answer."""
    env = made(opens=2)
    assert walk(reader(env, opens="first"), env, OPTIONS) is None


def test_means_of_two_questions() -> None:
    """Two questions and two sentences: the first answers after one, the second after none."""
    nothing = torch.zeros(2)
    margin = torch.tensor([[-1.0, 2.0], [3.0, -4.0], [torch.inf, torch.inf]])
    sure = torch.tensor([[0.6, 0.5], [0.9, 0.8], [0.7, 0.2]])  # Of class 0, which is right for the first alone.
    walked = WalkedSearch(
        margin,
        torch.stack([sure, 1 - sure], -1),
        torch.tensor([0, 1]),
        torch.tensor([True, True]),
        torch.tensor([[False, False], [True, False], [True, True]]),
        torch.zeros(3, 2),
        torch.tensor([[0, 0], [1, 1], [2, 2]]),
        torch.tensor([[0, 0], [7, 5], [9, 15]]),
        torch.tensor([[0.0, 0.0], [1.0, 0.5], [0.5, 0.5]]),
        torch.tensor([[0.5, 0.5], [0.1, 0.9]]),
        SentenceAgreement(torch.tensor([1.0, 0.5]), nothing, nothing, nothing),
    )
    assert walked.stops().tolist() == [1, 0] and walked.stops(-2.5).tolist() == [1, 2]
    curve = search_curve(walked)
    assert shown(curve.own) == (0.5, 0.5, 0.5, 3.5)
    assert (first := curve.at(0)) and (last := curve.at(2)) and curve.at(2.1) is None
    assert shown(first) == (0, 0, 0.5, 0) and shown(last) == (2, 1, 1, 12)
    between = curve.at(1.0)
    assert between is not None and 0.5 <= between.found <= 1
    # Of two sentences class 0 has .7 and class 1 has .8; alone .9 and .5; without them .5 and .9.
    assert curve.sufficiency == pytest.approx((-0.2 + 0.3) / 2)
    assert curve.comprehensiveness == pytest.approx((0.2 - 0.1) / 2)
    assert curve.sentence_precision == 0.75 and curve.own.f1 == 0.5 and first.f1 == 0 and last.f1 == 0.5
    # Where evidence is known for the first question alone, only answers and words are means over both.
    half = search_curve(walked._replace(marked=torch.tensor([True, False])))
    assert shown(half.own) == (0.5, 1, 0.5, 3.5) and half.own.f1 == 1 and half.sentence_precision == 1
    assert [(point.found, point.accuracy, point.f1) for point in half.exact] == [(1, 0.5, 1), (1, 1, 0.5)]
    assert search_curve(walked._replace(marked=torch.tensor([False, False]))).own == curve.own


def test_agreement_counts_each_sentence_once() -> None:
    """Sentences 1 and 2 are evidence, in two groups; 2 and 5 were opened, of 4 and 6 words; 1 has 8."""
    words = torch.tensor([0, 8, 4, 0, 0, 6, 0])
    opened, evidence = torch.tensor([[2, 5, -1]]), torch.tensor([[[1, 2], [2, -1]]])
    found = sentence_agreement(opened, evidence, lambda sentences: words[sentences])
    assert found.sentence_precision.item() == found.sentence_recall.item() == found.sentence_f1.item() == 0.5
    precision, recall = 4 / 10, 4 / 12
    assert found.token_f1.item() == pytest.approx(2 * precision * recall / (precision + recall))
    none = sentence_agreement(torch.full((1, 2), -1), evidence, lambda sentences: words[sentences])
    assert none.sentence_f1.item() == none.token_f1.item() == 0


def test_measures_of_a_record_are_those_of_the_curve() -> None:
    """A record in JSON gives the numbers again, in percent; without a curve there are none."""
    env = made(opens=3)
    walked = walk(reader(env), env, OPTIONS)
    assert walked is not None
    curve = search_curve(walked)
    record = json.loads(json.dumps({"search_curve": asdict(curve)}))
    assert curve_of_record(record) == curve
    measures, two = curve_measures(record), curve.at(2)
    assert two is not None and measures["found_at_2"] == 100 * two.found
    assert measures["opened_greedy"] == curve.own.opened and "found_at_4" not in measures
    assert curve_measures({}) == {}
