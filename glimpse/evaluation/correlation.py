"""Correlations between predicted and true scores, with a confidence interval.

Axes: N examples.
"""

import math

from torch import Tensor


def pearson(predicted: Tensor, true: Tensor) -> float:
    """Compute Pearson's r of two (N,); 0 if one of them does not vary."""
    a, b = (values.double() - values.double().mean() for values in (predicted, true))
    scale = float(a.norm() * b.norm())
    return float(a @ b) / scale if scale else 0.0


def spearman(predicted: Tensor, true: Tensor) -> float:
    """Compute Spearman's rho of two (N,): Pearson's r of their ranks, where equal values share their mean rank."""
    return pearson(_ranks(predicted), _ranks(true))


def _ranks(values: Tensor) -> Tensor:
    """Return the rank of each value, from 1: (N,) -> (N,) float64."""
    _, which, count = values.unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    ranks: Tensor = (last - (count - 1) / 2)[which]
    return ranks


def fisher_interval(r: float, examples: int) -> tuple[float, float]:
    """Compute the 95 % interval of a correlation r over N examples (Fisher, 1921); [-1, 1] if N is below four."""
    if examples < 4:
        return -1.0, 1.0
    middle, spread = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, r))), 1.959964 / math.sqrt(examples - 3)
    return math.tanh(middle - spread), math.tanh(middle + spread)


def regression_metrics(predicted: Tensor, true: Tensor) -> dict[str, float]:
    """Compute Pearson's r, Spearman's rho and the mean squared error of two (N,)."""
    squared = float((predicted.double() - true.double()).square().mean())
    return {"pearson": pearson(predicted, true), "spearman": spearman(predicted, true), "squared_error": squared}
