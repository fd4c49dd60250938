"""Tests of correlations, against values by hand and torch."""

import pytest
import torch

from glimpse.evaluation.correlation import fisher_interval, pearson, regression_metrics, spearman


def test_regression_metrics_by_hand_and_by_torch() -> None:
    """Equal values share their mean rank: 1, 2.5, 2.5, 4 and 2, 1, 3.5, 3.5 have rho = 2.25 / 4.5."""
    predicted, true = torch.tensor([1.0, 2.0, 2.0, 9.0]), torch.tensor([3.0, 1.0, 4.0, 4.0])
    found = regression_metrics(predicted, true)
    assert found["pearson"] == pytest.approx(float(torch.corrcoef(torch.stack([predicted, true]))[0, 1]))
    assert found["spearman"] == pytest.approx(2.25 / 4.5)
    assert found["squared_error"] == pytest.approx((4 + 1 + 4 + 25) / 4)


def test_spearman_of_a_monotonic_function_and_pearson_of_a_constant() -> None:
    """Spearman's rho of a growing function is 1; the correlation with a constant is 0."""
    x = torch.tensor([1.0, 2.0, 3.0, 10.0])
    assert spearman(x, x.exp()) == pytest.approx(1.0) and pearson(x, x.exp()) < 0.99
    assert pearson(x, torch.ones(4)) == 0.0


def test_fisher_interval_by_hand() -> None:
    """For r = 0.5 over 28 examples, atanh r is 0.5493, and 1.96 / 5 is 0.3920."""
    assert fisher_interval(0.5, 28) == pytest.approx((0.1560, 0.7358), abs=1e-4)
    assert fisher_interval(0.5, 3) == (-1.0, 1.0)
