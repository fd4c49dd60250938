"""Tests of the controls that open the first candidates of a ranker."""

from typing import Any

import pytest
import torch

from glimpse.envs.documents.evidence import Evidence
from glimpse.envs.documents.options import EvidenceOptions
from glimpse.envs.documents.question_data import load_questions
from glimpse.evaluation.evidence_controls import RANKERS, EvidenceCurve, evidence_curve
from tests.envs.conftest import QUESTIONS


def made(**options: Any) -> Evidence:
    """Return the environment of all fourteen questions."""
    file = f"file:{QUESTIONS}"
    given = {"data": file, "validation": file, "test": file, "vectors": "none", **options}
    task = EvidenceOptions.model_validate({"name": "evidence", **given})
    return Evidence(task, load_questions(task, "train"))


@pytest.mark.parametrize("ranker", RANKERS)
def test_more_is_found_when_more_is_opened(ranker: str) -> None:
    """All is found when all sentences are opened; batches do not matter; gold needs as many as its groups have."""
    env = made(ranker=ranker, opens=16, candidates=1)
    assert len(env.store) == 16
    curve = evidence_curve(env, torch.arange(14), 16)
    assert list(curve.found) == sorted(curve.found) and list(curve.words) == sorted(curve.words)
    assert curve.found[-1] == curve.share[-1] == 1 and all(
        a <= b for a, b in zip(curve.found, curve.share, strict=True)
    )
    assert curve.complete.shape == (16, 14) and curve.complete.double().mean(1).tolist() == pytest.approx(curve.found)
    batched = evidence_curve(env, torch.arange(14), 16, batch=3)
    assert torch.equal(batched.complete, curve.complete)
    for one, other in zip(batched[1:], curve[1:], strict=True):
        assert one == pytest.approx(other)
    if ranker == "gold":
        assert curve.found[:2] == pytest.approx((12 / 14, 1.0)) and curve.share[0] == pytest.approx(13 / 14)


def test_means_are_over_questions_with_evidence() -> None:
    """Of what is found; words are counted for every question."""
    every = torch.tensor([[[1.0, 0.0], [1.0, 0.5], [7.0, 5.0], [0.5, 0.0], [1.0, 1.0]]])
    assert [each[0] for each in EvidenceCurve.of(every)[2:]] == [0.5, 0.75, 6.0, 0.25]
    half = every.clone()
    half[0, 4, 1] = 0
    assert [each[0] for each in EvidenceCurve.of(half)[2:]] == [1.0, 1.0, 6.0, 0.5]


def test_what_cannot_be_opened_is_refused() -> None:
    """The error says which options are needed."""
    for options in ({"opens": 3}, {"opens": 4, "point": "query"}):
        with pytest.raises(ValueError, match="needs task.point=choose and task.opens=4"):
            evidence_curve(made(**options), torch.arange(2), 4)
