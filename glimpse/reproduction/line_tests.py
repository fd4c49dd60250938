"""Tests of the difference between two lines of a table: paired over the same test examples, or of their intervals.

Axes: N test examples, S runs of a line, K numbers of an example and run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.evaluation.bleu_counts import bleu_of_counts
from glimpse.evaluation.paired_tests import (
    LEVEL,
    SAMPLES,
    Metric,
    correlation_moments,
    mcnemar_p,
    p_text,
    paired_bootstrap,
    pearson_of,
)
from glimpse.reproduction.line_answers import FOUND, LineAnswers
from glimpse.reproduction.metric_texts import decimals
from glimpse.runs.results import Row


@dataclass(frozen=True)
class ComparedLine:
    """A line in one metric: its row, and its answers if they are stored."""

    row: Row
    answers: LineAnswers | None


@dataclass(frozen=True)
class Difference:
    """By how much the first of two lines is better in a metric, and whether that is shown.

    better: its advantage, in the metric's unit; negative if it is worse.
    p: p-value of a paired test; None if there is none.
    shown: whether the lines differ significantly.
    reason: why, in words.
    metric: name of the metric.
    """

    better: float
    p: float | None
    shown: bool
    reason: str
    metric: str

    def describe(self) -> str:
        """Return it in words: "+0.04 points, not shown (p = .62)"."""
        unit = _UNITS.get(self.metric, " points")
        return f"{self.better:+.{decimals(self.metric)}f}{unit}, {'' if self.shown else 'not '}shown ({self.reason})"


_UNITS = {"test_pearson": " of r", "test_bleu": " BLEU"}
_LOWER_IS_BETTER = ("test_error", "test_squared_error", "test_perplexity")


def compare_lines(first: ComparedLine, second: ComparedLine) -> Difference:
    """Compare two lines in the metric of their rows.

    With answers of both to the same examples: McNemar's exact test of one run against one, else the paired bootstrap
    over examples of the means over runs. Without them the difference is shown if the 95 % intervals, which include the
    range of three or more runs, do not overlap.
    """
    metric = first.row["metric"]
    sign = -1 if metric.startswith(_LOWER_IS_BETTER) else 1
    better = sign * (mean(first.row["values"]) - mean(second.row["values"]))
    if better == 0:
        better = 0.0  # And not -0.
    p = _paired_p(first.answers, second.answers, metric)
    if p is not None:
        return Difference(better, p, p < LEVEL, p_text(p), metric)
    ends = [_widened(line.row) for line in (first, second)]
    if ends[0] is None or ends[1] is None:
        return Difference(better, None, False, "neither answers nor intervals are stored", metric)
    apart = ends[0][0] > ends[1][1] or ends[1][0] > ends[0][1]
    return Difference(better, None, apart, f"unpaired; intervals {'do not ' if apart else ''}overlap", metric)


def _widened(row: Row) -> tuple[float, float] | None:
    """Return the interval of a row, widened to the range of its runs if there are three or more; None without any."""
    if not isinstance(interval := row.get("interval"), list):
        return None
    ends = [*interval, *(row["values"] if len(row["values"]) > 2 else [])]
    return min(ends), max(ends)


def _paired_p(first: LineAnswers | None, second: LineAnswers | None, metric: str) -> float | None:
    """Return the p-value of a paired test; None if answers are missing, are to other examples, or do not decide it."""
    if first is None or second is None:
        return None
    known = {*first.examples, *second.examples}
    if len(known) != 1 or "" in known:
        return None
    rates = [_error_rates(one, metric) for one in (first, second)]
    if rates[0] is not None and rates[1] is not None:
        return _p_of_rates(rates[0], rates[1])
    tables = [sums_of(one, metric) for one in (first, second)]
    if tables[0] is None or tables[1] is None:
        return None
    (ours, measure), (theirs, _) = tables[0], tables[1]
    return paired_bootstrap(ours, theirs, measure, samples=1000)[2]


def _error_rates(answers: LineAnswers, metric: str) -> NDArray[np.float64] | None:
    """Return what each run's examples have in the metric, (S, N): errors, returns, or what of the evidence is found.

    None for other metrics.
    """
    if (name := metric.removeprefix("test_")).startswith(FOUND):
        known = answers.numbers.get(name)
        return None if known is None else known.astype(np.float64)
    name = {"test_error_m1": "single", "test_accuracy_m1": "single", "test_caught_m1": "reward"}.get(metric, "wrong")
    if name not in answers.numbers or not (name != "wrong" or _is_averaged(metric)):
        return None
    return answers.numbers[name].astype(np.float64)


def _p_of_rates(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the p-value of no difference between the means of (S, N) each, over the same N examples.

    One run against one, right or wrong: McNemar's exact test. Else the bootstrap over examples, drawn as the number of
    times that each difference comes up, which has the same distribution as drawing the examples.
    """
    if len(first) == len(second) == 1 and all(np.isin(one, (0, 1)).all() for one in (first, second)):
        return mcnemar_p(int((first > second).sum()), int((second > first).sum()))
    change = second.mean(0) - first.mean(0)
    values, counts = np.unique(change.round(6), return_counts=True)
    drawn = np.random.default_rng(20140101).multinomial(len(change), counts / len(change), SAMPLES) @ values
    beyond = np.abs(drawn - drawn.mean()) >= abs(float(change.sum())) - 1e-9
    return float((1 + beyond.sum()) / (1 + SAMPLES))


def _is_averaged(metric: str) -> bool:
    """Return whether a metric is decided by the averaged answers."""
    return metric == "test_accuracy" or (metric.startswith("test_error_m") and metric != "test_error_m1")


def sums_of(answers: LineAnswers, metric: str) -> tuple[NDArray[np.float64], Metric] | None:
    """Return the numbers of each example whose sums decide Pearson's r or BLEU, and the metric of these sums.

    Returns:
        (N, S K) for S runs, and the mean over runs of the metric; None if the answers do not decide it.
    """
    found = _numbers_of_runs(answers, metric)
    if found is None:
        return None
    numbers, of_one = found  # (S, N, K)
    runs, _, width = numbers.shape

    def of_all(sums: NDArray[Any]) -> float:
        return mean(of_one(part) for part in sums.reshape(-1, width))

    return np.concatenate([numbers[run] for run in range(runs)], 1).astype(np.float64), of_all


def _numbers_of_runs(answers: LineAnswers, metric: str) -> tuple[NDArray[Any], Callable[[NDArray[Any]], float]] | None:
    """Return the numbers (S, N, K) whose sums over examples decide a metric of one run, and the metric."""
    given = answers.numbers
    if metric == "test_pearson" and "predicted" in given:
        pairs = zip(given["true"], given["predicted"], strict=True)
        return np.stack([correlation_moments(true, predicted) for true, predicted in pairs]), pearson_of
    if metric == "test_bleu" and "bleu" in given:
        return given["bleu"].astype(np.int64), lambda sums: bleu_of_counts(np.asarray(sums).round().astype(np.int64))
    return None


def bootstrap_interval(answers: LineAnswers | None, metric: str, samples: int = 1000) -> list[float] | None:
    """Return the 95 % interval over examples of Pearson's r or BLEU, the mean over runs; None without answers."""
    found = sums_of(answers, metric) if answers is not None else None
    if found is None or answers is None or len(set(answers.examples)) != 1:
        return None
    numbers, measure = found
    random = np.random.default_rng(20140101)
    drawn = [measure(numbers[random.integers(0, len(numbers), len(numbers))].sum(0)) for _ in range(samples)]
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return [round(low, 4), round(high, 4)]
