"""How well numbers that were given agree with those that were wanted.

Axes: N examples.
"""

import math

from torch import Tensor


def pearson(given: Tensor, wanted: Tensor) -> float:
    """Pearson's r of two (N,); 0 where one of them does not vary."""
    a, b = (values.double() - values.double().mean() for values in (given, wanted))
    scale = float(a.norm() * b.norm())
    return float(a @ b) / scale if scale else 0.0


def spearman(given: Tensor, wanted: Tensor) -> float:
    """Spearman's rho of two (N,): Pearson's r of their ranks, of which equal values share the mean."""
    return pearson(_ranks(given), _ranks(wanted))


def _ranks(values: Tensor) -> Tensor:
    """(N,) -> (N,) float64, from 1."""
    _, which, count = values.unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    ranks: Tensor = (last - (count - 1) / 2)[which]
    return ranks


def fisher(r: float, examples: int) -> tuple[float, float]:
    """95 % interval of a correlation r over N examples (Fisher, 1921); all of [-1, 1] for fewer than four."""
    if examples < 4:
        return -1.0, 1.0
    middle, spread = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, r))), 1.959964 / math.sqrt(examples - 3)
    return math.tanh(middle - spread), math.tanh(middle + spread)


def agreement(given: Tensor, wanted: Tensor) -> dict[str, float]:
    """Pearson's r, Spearman's rho and the mean squared error of two (N,)."""
    squared = float((given.double() - wanted.double()).square().mean())
    return {"pearson": pearson(given, wanted), "spearman": spearman(given, wanted), "squared_error": squared}
