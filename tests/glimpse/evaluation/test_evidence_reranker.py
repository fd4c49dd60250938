"""Tests of the supervised control that re-ranks candidates."""

import pytest
import torch

from glimpse.evaluation.evidence_controls import evidence_curve
from glimpse.evaluation.evidence_reranker import FEATURES, Reranker, overlap_features
from tests.glimpse.evaluation.test_evidence_controls import made


def test_features_are_as_computed_by_hand() -> None:
    """A question of three words, one of them twice, and a candidate that shares two of them side by side."""
    seen = {
        "question": torch.tensor([[1, 2, 3, 1, 0]]),
        "candidates": torch.tensor([[[2, 3, 5, 2], [4, 0, 0, 0]]]),
        "scores": torch.tensor([[2.0, 4.0]]),
        "position": torch.tensor([[0.25, 0.5]]),
        "in_document": torch.tensor([[1.0, 0.2]]),
        "title_words": torch.tensor([[2, 0]]),
    }
    first, second = overlap_features(seen, torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))[0].tolist()
    assert len(first) == len(FEATURES) == 13
    assert first == pytest.approx([2, -2, 0.5, 1, 0.25, 1, 4, 2 / 3, 5 / 6, 3, 3 / 4, 1 / 3, 1])
    assert second == pytest.approx([4, 0, 1, 0.5, 0.5, 0.2, 1, 0, 0, 0, 0, 0, 0])


def test_candidates_are_opened_by_the_models_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With scores that are given, sentences are opened in their order; nothing is opened twice."""
    env = made(opens=4, candidates=4)
    reranker = Reranker()
    monkeypatch.setattr(reranker, "scores", lambda seen: torch.tensor([[1.0, 3.0, 0.0, 2.0]]))
    env.reset(torch.tensor([0]), torch.tensor([0]))
    offered = env.candidates[0].tolist()
    reranker.curve(env, torch.tensor([0]), 4)
    assert env.opened[0].tolist() == [offered[1], offered[3], offered[0], offered[2]]


def test_it_learns_from_marked_evidence() -> None:
    """On the questions that it learned from, it finds more than a random order does, and all in the end."""
    env = made(opens=16, candidates=16, ranker="random")
    questions = torch.arange(14).repeat(8)
    reranker = Reranker()
    reranker.fit(env, questions)
    curve, chance = reranker.curve(env, torch.arange(14), 16), evidence_curve(env, torch.arange(14), 16)
    assert curve.found[1] > chance.found[1] + 0.3 and curve.found[-1] == 1


def test_what_it_cannot_do_is_refused() -> None:
    """Candidates that are ranked anew, and questions without evidence among their candidates."""
    with pytest.raises(ValueError, match="task.expand=0"):
        Reranker().curve(made(opens=4, expand=1.0), torch.arange(2), 4)
    with pytest.raises(ValueError, match="some that are not"):
        Reranker().fit(made(ranker="gold", candidates=1), torch.arange(2))
