"""Tests of attention over scores that are not finite, or far too large: NaN goes on, so that training names it."""

from typing import Any

import pytest
import torch

from glimpse.agents.attention import token2token_fast
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.agents.attention.token2token_fast import bounded_softmax

NORMALISERS: list[Any] = [
    "softmax",
    "sparsemax",
    "entmax15",
    {"kind": "entmax", "alpha": 1.25},
    {"kind": "topk", "k": 2},
]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("options", NORMALISERS, ids=str)
def test_scores_that_are_not_finite_crash_nothing(options: Any, bad: float) -> None:
    """Weights of a row with NaN are NaN or finite, never an index error; other rows are as without it."""
    normalise, scores = make_normaliser(options), torch.tensor([[0.5, 1.0, -2.0], [0.1, 0.2, 0.3]])
    expected = normalise(scores, None)[1]
    scores[0, 1] = bad
    for mask in (None, torch.tensor([[True, True, True]])):
        weights = normalise(scores.clone().requires_grad_(), mask)
        torch.testing.assert_close(weights[1], expected)
        weights[0].sum().backward()
        if bad != -torch.inf:
            assert weights[0].isnan().any() or options in ("softmax",) or weights[0].isfinite().all()
    if bad is torch.nan:
        assert make_normaliser(options)(torch.full((1, 3), torch.nan), None).isnan().any()


def test_cut_scores_are_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond |a| = 107 with c = 5 a warning names the number and the limit, the first time only."""
    monkeypatch.setattr(token2token_fast, "_warned", [])
    head, other = torch.zeros(1, 3, 2), torch.zeros(1, 3, 2)
    bounded_softmax(head + 100, other, other, None, "diagonal_disabled", 5.0)
    with pytest.warns(UserWarning, match=r"scores of 120, which are cut at 108\.4"):
        bounded_softmax(head + 120, other, other, None, "diagonal_disabled", 5.0)
    bounded_softmax(head, other - 500, other, None, "diagonal_disabled", 5.0)
