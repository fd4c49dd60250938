"""Facts of a result row beside its numbers: test examples, interval, updates, commit, and uses of the test set.

A fact that the runs' records do not hold is `NOT_RECORDED`, in words, so that a row never leaves it out silently.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from glimpse.evaluation.correlation import fisher_interval
from glimpse.evaluation.split_score import wilson_interval
from glimpse.reproduction.run_measures import Result
from glimpse.reproduction.table_entries import row_name
from glimpse.runs.results import Row, read_rows

NOT_RECORDED = "not recorded"
ROW_FIELDS = (
    *("task", "agent", "config", "metric", "mean", "values", "seeds", "examples", "interval"),
    *("updates", "train_seconds", "device", "commit", "tested", "command", "published"),
)
"""Fields of a row, in order.

examples: number N of test examples of one run.
interval: 95 % interval over test examples, [low, high]; None for a metric that has none.
updates: training updates of each run.
commit: commits of the code that trained.
tested: when the line's runs were measured on the test set, also runs that are no longer in the table.
"""
OPTIONAL_FIELDS = ("variant", "ranking", "after_looks")
"""Fields that only some rows have: what the line changes in its config; a ranking that stands in for its agent; and
pixels seen and error after each look."""
PERCENTAGES = ("test_error", "test_accuracy", "test_caught")
"""Beginnings of metrics that are percentages of examples."""


def run_facts(results: Sequence[Result], known: Iterable[Row]) -> Row:
    """Return the facts of a line's runs that its rows share.

    Args:
        results: its finished runs.
        known: earlier rows of the line, whose uses of the test set are carried on.
    """
    commits = dict.fromkeys(result.record.get("commit") or NOT_RECORDED for result in results)
    return {
        "examples": min(examples_of(result.record) for result in results),
        "updates": [result.steps for result in results],
        "commit": "; ".join(commits),
        "tested": all_uses([*(row.get("tested", [NOT_RECORDED]) for row in known), *map(_uses, results)]),
    }


def examples_of(record: Mapping[str, Any]) -> int:
    """Return how many examples an evaluation measured."""
    if "scores" in record:
        return int(record["scores"][record["agent"]]["averaged"]["episodes"])
    return sum(int(group["sentences"]) for group in record["by_length"])


def _uses(result: Result) -> list[str]:
    """Return when a run was measured on the test set."""
    return list(result.record.get("tested") or [NOT_RECORDED])


def all_uses(lists: Iterable[Sequence[str]]) -> list[str]:
    """Join the times at which the test set was used, each once and in order; uses without a time come first."""
    times = dict.fromkeys(time for one in lists for time in one)
    return sorted(times, key=lambda time: (time != NOT_RECORDED, time))


def uses_text(tested: Sequence[str]) -> str:
    """Return how often a line has seen the test set, as "3", "not recorded", or "2, earlier ones not recorded"."""
    noted = [time for time in tested if time != NOT_RECORDED]
    if len(noted) == len(tested):
        return str(len(noted))
    return f"{len(noted)}, earlier ones {NOT_RECORDED}" if noted else NOT_RECORDED


def rows_of_line(output: Path, tables: Iterable[str], line: str) -> list[Row]:
    """Return the rows of a line, by its name, in all result files of a folder.

    Raises:
        UserError: if a file cannot be read.
    """
    known = [row for name in tables for row in read_rows(output / f"{name}.json", "glimpse reproduce", "config")]
    return [row for row in known if row_name(row) == line]


def interval_of(metric: str, values: Sequence[float], examples: int) -> list[float] | str | None:
    """Return the 95 % interval of a metric over N test examples: Wilson's of a percentage, Fisher's of Pearson's r.

    Args:
        metric: its name.
        values: its value in each run; the interval is that of their mean.
        examples: N.

    Returns:
        Its ends; None for a metric without an interval, and `NOT_RECORDED` for BLEU, whose interval needs sentences.
    """
    if metric.startswith(PERCENTAGES):
        low, high = wilson_interval(min(1.0, max(0.0, mean(values) / 100)), examples)
    elif metric.startswith("test_pearson"):
        low, high = fisher_interval(mean(values), examples)
    else:
        return NOT_RECORDED if metric == "test_bleu" else None
    return [round(low, 4), round(high, 4)]
