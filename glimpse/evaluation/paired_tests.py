"""Paired tests of two runs on the same examples: McNemar's exact test, and the paired bootstrap.

Axes: N examples, S numbers of an example whose sums over examples decide a metric.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.evaluation.bleu_counts import bleu_of_counts

Columns = Mapping[str, NDArray[Any]]
Metric = Callable[[NDArray[Any]], float]
SAMPLES = 2000
"""Resamplings of the bootstrap."""
LEVEL = 0.05
"""Level of significance: a difference is called one if its p-value is below."""
_SEED = 20140101


@dataclass(frozen=True)
class PairedTest:
    """Difference of two runs in one metric.

    metric: its name and unit.
    test: `McNemar, exact` or `paired bootstrap`.
    examples: number N of examples.
    first, second: the metric of both runs.
    difference: second less first; `low` and `high` are its 95 % interval by the bootstrap.
    p: two-sided p-value of no difference.
    """

    metric: str
    test: str
    examples: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


class IncomparableError(Exception):
    """Results of two runs that cannot be compared, with the reason in words."""


def paired_tests(first: Columns, second: Columns) -> list[PairedTest]:
    """Compare what two runs answered to the same examples.

    Args:
        first: columns of the first run, as in `answered_examples.Columns`; translations have `bleu`, their counts.
        second: those of the second run.

    Returns:
        A test for each metric that the columns decide.

    Raises:
        IncomparableError: if the columns are of other kinds or lengths.
    """
    kinds = [next((name for name in _COMPARED if name in columns), "") for columns in (first, second)]
    if not kinds[0] or kinds[0] != kinds[1]:
        raise IncomparableError("their answers are of different kinds")
    if not len(first[kinds[0]]) == len(second[kinds[0]]) > 0:
        raise IncomparableError("they have different numbers of examples, or none")
    try:
        return _COMPARED[kinds[0]](first, second)
    except (KeyError, ValueError, IndexError, TypeError):
        raise IncomparableError("their predictions are damaged") from None


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar's test, given how often one run alone is wrong."""
    pairs, fewer = only_first + only_second, min(only_first, only_second)
    ways, total = 1, 1  # Number of choices of k of the pairs, and their sum for k up to `fewer`.
    for chosen in range(fewer):
        ways = ways * (pairs - chosen) // (chosen + 1)
        total += ways
    share: float = 2 * total / 2**pairs
    return min(1.0, share)


def paired_p(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the two-sided p-value of no difference between two means over the same examples.

    It is McNemar's exact one where all results are 0 or 1, right or wrong, and that of the paired bootstrap otherwise.

    Args:
        first: (N,), results of one agent.
        second: (N,), those of the other.
    """
    if all(np.isin(one, (0, 1)).all() for one in (first, second)):
        return mcnemar_p(int((first > second).sum()), int((second > first).sum()))
    sides = [np.stack([one.astype(np.float64), np.ones(len(one))], 1) for one in (first, second)]
    return paired_bootstrap(sides[0], sides[1], _mean)[2]


def p_text(p: float) -> str:
    """Return a p-value in words, such as "p = .4", "p = .031" or "p < .001"."""
    if p < 0.001:
        return "p < .001"
    return f"p = {p:.2g}".replace("0.", ".") if p < 1 else "p = 1"


def paired_bootstrap(
    first: NDArray[Any], second: NDArray[Any], metric: Metric, samples: int = SAMPLES
) -> tuple[float, float, float]:
    """Resample examples with replacement, the same ones for both runs (Koehn, 2004).

    Args:
        first: (N, S), the first run's numbers of each example.
        second: (N, S), the second run's.
        metric: metric of a run, given the sums (S,).
        samples: number of resamplings.

    Returns:
        Low and high end of the 95 % interval of the difference, and its two-sided p-value: how often the difference of
        a resampling is as far from their mean as the real one is from zero.
    """
    random, both, half = np.random.default_rng(_SEED), np.concatenate([first, second], 1), first.shape[1]
    found = np.empty(samples)
    for at in range(samples):
        sums = both[random.integers(0, len(both), len(both))].sum(0)
        found[at] = metric(sums[half:]) - metric(sums[:half])
    real = metric(second.sum(0)) - metric(first.sum(0))
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    beyond = np.abs(found - found.mean()) >= abs(real) - 1e-12
    return low, high, float((1 + beyond.sum()) / (1 + samples))


def _compare_classes(first: Columns, second: Columns) -> list[PairedTest]:
    """Compare errors: an example is wrong if one of its answers is."""
    wrong = [(one["label"] != one["answer"]).reshape(len(one["label"]), -1).any(-1) for one in (first, second)]
    p = mcnemar_p(int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum()))
    return [_tested("error, %", 100.0 * wrong[0], 100.0 * wrong[1], _mean, p)]


def _compare_label_sets(first: Columns, second: Columns) -> list[PairedTest]:
    """Compare errors, where an answer is wrong unless all of its labels are right, and micro F1."""
    given = [one["probabilities"] > 0.5 for one in (first, second)]
    true = [one["labels"] > 0 for one in (first, second)]
    wrong = [(one != right).any(-1) for one, right in zip(given, true, strict=True)]
    p = mcnemar_p(int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum()))
    counts = [
        np.stack([(one & right).sum(-1), one.sum(-1), right.sum(-1)], 1).astype(np.float64)
        for one, right in zip(given, true, strict=True)
    ]
    return [
        _tested("error, %", 100.0 * wrong[0], 100.0 * wrong[1], _mean, p),
        _tested("micro F1", counts[0], counts[1], _micro_f1_of),
    ]


def _compare_scores(first: Columns, second: Columns) -> list[PairedTest]:
    """Compare Pearson's r, and the mean squared and absolute errors."""
    errors = [one["predicted"].astype(np.float64) - one["true"] for one in (first, second)]
    parts = [correlation_moments(one["true"], one["predicted"]) for one in (first, second)]
    return [
        _tested("Pearson's r", parts[0], parts[1], pearson_of),
        _tested("squared error", errors[0] ** 2, errors[1] ** 2, _mean),
        _tested("absolute error", np.abs(errors[0]), np.abs(errors[1]), _mean),
    ]


def _compare_rewards(first: Columns, second: Columns) -> list[PairedTest]:
    return [_tested("return", first["reward"], second["reward"], _mean)]


def _compare_translations(first: Columns, second: Columns) -> list[PairedTest]:
    """Compare BLEU, if the references have as many tokens for both runs."""
    counts = [one["bleu"].astype(np.int64) for one in (first, second)]
    if (counts[0][:, 1] != counts[1][:, 1]).any():
        raise IncomparableError("their BLEU is of different tokens")
    return [_tested("BLEU", counts[0], counts[1], bleu_of_counts)]


_COMPARED: dict[str, Callable[[Columns, Columns], list[PairedTest]]] = {
    "answer": _compare_classes,
    "probabilities": _compare_label_sets,
    "predicted": _compare_scores,
    "reward": _compare_rewards,
    "bleu": _compare_translations,
}
"""What compares columns, by the name of one that only they have."""


def _tested(name: str, first: NDArray[Any], second: NDArray[Any], metric: Metric, p: float | None = None) -> PairedTest:
    """Return a test of (N,) or (N, S) numbers by the bootstrap; its p-value is replaced by an exact one, if given.

    The mean of (N,) numbers is the ratio of two sums: theirs, and N.
    """
    sides = [
        one if one.ndim == 2 else np.stack([one.astype(np.float64), np.ones(len(one))], 1) for one in (first, second)
    ]
    low, high, chance = paired_bootstrap(sides[0], sides[1], metric)
    values = [metric(side.sum(0)) for side in sides]
    test = "paired bootstrap" if p is None else "McNemar, exact"
    return PairedTest(
        name, test, len(first), values[0], values[1], values[1] - values[0], low, high, chance if p is None else p
    )


def _mean(sums: NDArray[Any]) -> float:
    return float(sums[0] / sums[1])


def _micro_f1_of(sums: NDArray[Any]) -> float:
    """Return micro F1 of the numbers of labels that are rightly given, given, and true; 0 without any."""
    right, given, true = sums.tolist()
    return 2 * right / (given + true) if given + true else 0.0


def correlation_moments(true: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """Return each example's part of the moments that decide Pearson's r, (N, 6); centred, so that none cancel."""
    x, y = (column.astype(np.float64) - column.mean(dtype=np.float64) for column in (true, predicted))
    return np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], 1)


def pearson_of(sums: NDArray[Any]) -> float:
    """Return Pearson's r of sums of moments; 0 where one side does not vary."""
    count, x, y, xx, yy, xy = sums.tolist()
    scale = (count * xx - x * x) * (count * yy - y * y)
    return (count * xy - x * y) / math.sqrt(scale) if scale > 0 else 0.0
