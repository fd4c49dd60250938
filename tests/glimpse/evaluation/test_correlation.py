"""Correlations: by hand, and beside torch's."""

import pytest
import torch

from glimpse.evaluation.correlation import agreement, fisher, pearson, spearman


def test_agreement_by_hand_and_as_torch_has_it() -> None:
    """Ranks of equal values share their mean: 1, 2.5, 2.5, 4 against 2, 1, 3.5, 3.5 have 2.25 of 4.5."""
    given, wanted = torch.tensor([1.0, 2.0, 2.0, 9.0]), torch.tensor([3.0, 1.0, 4.0, 4.0])
    found = agreement(given, wanted)
    assert found["pearson"] == pytest.approx(float(torch.corrcoef(torch.stack([given, wanted]))[0, 1]))
    assert found["spearman"] == pytest.approx(2.25 / 4.5)
    assert found["squared_error"] == pytest.approx((4 + 1 + 4 + 25) / 4)


def test_ranks_and_what_does_not_vary() -> None:
    """A growing function leaves Spearman's rho at 1; a constant agrees with nothing."""
    x = torch.tensor([1.0, 2.0, 3.0, 10.0])
    assert spearman(x, x.exp()) == pytest.approx(1.0) and pearson(x, x.exp()) < 0.99
    assert pearson(x, torch.ones(4)) == 0.0


def test_fishers_interval_by_hand() -> None:
    """Of r = 0.5 over 28: atanh r is 0.5493, and 1.96 / 5 is 0.3920."""
    assert fisher(0.5, 28) == pytest.approx((0.1560, 0.7358), abs=1e-4)
    assert fisher(0.5, 3) == (-1.0, 1.0)
