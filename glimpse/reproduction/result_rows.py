"""Result rows of a line: one for each metric, with what the line's runs share."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from glimpse.config.differences import overrides_from
from glimpse.config.experiment import Experiment
from glimpse.config.files import config_path
from glimpse.reproduction.line_answers import LineAnswers, answers_of
from glimpse.reproduction.line_tests import bootstrap_interval
from glimpse.reproduction.row_facts import NOT_RECORDED, OPTIONAL_FIELDS, ROW_FIELDS, interval_of, run_facts
from glimpse.reproduction.run_measures import Result, mean_after_looks, measure_run
from glimpse.reproduction.tables import Published, Table, TableEntry
from glimpse.runs.results import Row


def result_rows(
    table: Table,
    entry: TableEntry,
    results: Sequence[Result],
    known: Sequence[Row],
    command: str,
    answers: LineAnswers | None = None,
) -> list[Row]:
    """Return a result row for each metric of one line.

    Args:
        table: the table.
        entry: the line.
        results: its finished runs.
        known: earlier rows of the line, whose uses of the test set are carried on.
        command: command that reproduces the line.
        answers: its answers to the test examples, by which intervals of r and BLEU are bootstrapped.
    """
    first, facts = results[0], run_facts(results, known)
    measured = [measure_run(result, table) for result in results]
    examples = facts["examples"] * (len(results) if entry.folds else 1)
    curve = mean_after_looks(results) if table.figure == "looks" else []
    rows = []
    for metric in measured[0]:
        values = [round(one[metric], 4) for one in measured]
        row = {
            "task": first.experiment.task_title,
            "agent": first.experiment.agent_title,
            "config": config_path(entry.config),
            "variant": entry.variant,
            "metric": metric,
            "mean": round(mean(one[metric] for one in measured), 4),
            "values": values,
            "seeds": [result.experiment.seed for result in results],
            "interval": bootstrap_interval(answers, metric) or interval_of(metric, values, examples),
            "train_seconds": round(mean(result.seconds for result in results), 1),
            "device": first.record["trained_on"],
            "command": command,
            "published": published_numbers(entry.published, metric),
            **facts,
        }
        if curve and metric == "test_error_m1":
            row["after_looks"] = curve
        rows.append(complete_row(row))
    return rows


def line_answers(results: Sequence[Result]) -> LineAnswers | None:
    """Return what a line's runs answered to each test example; None if one of them did not keep it."""
    columns = [result.columns for result in results if result.columns is not None]
    whole = len(columns) == len(results)
    return answers_of(columns, [result.examples_digest for result in results]) if whole else None


def complete_row(row: Row) -> Row:
    """Return a row with all fields in order; what an earlier version left out is said to be not recorded."""
    missing = {"examples": NOT_RECORDED, "interval": NOT_RECORDED, "updates": NOT_RECORDED, "commit": NOT_RECORDED}
    given = {**missing, "tested": [NOT_RECORDED], **row}
    some = {field: row[field] for field in OPTIONAL_FIELDS if row.get(field)}
    return {field: given.get(field) for field in ROW_FIELDS} | some


def line_command(name: str, entry: TableEntry, base: Experiment, started: Experiment, seeds: int, quick: bool) -> str:
    """Return the command that reproduces a line alone, with the overrides that its runs were started with.

    Args:
        name: name of the table.
        entry: the line.
        base: config of the first run as the command without overrides makes it.
        started: config that it was started with.
        seeds: number of runs.
        quick: whether they are smoke runs.
    """
    # Tracking and the data folder do not change the numbers.
    started = started.model_copy(update={"track": base.track, "data": base.data})
    words = ["glimpse", "reproduce", name, *overrides_from(base, started), "--only", entry.name]
    return shlex.join([*words, "--seeds", str(seeds), *(["--quick"] if quick else [])])


def published_numbers(known: Published | None, metric: str) -> dict[str, Any] | None:
    """Return the published numbers and their sources as a result row keeps them; None for metrics that are costs."""
    if known is None or not metric.startswith("test_"):
        return None
    return {name: value for name, value in {**asdict(known), "protocol": known.protocols}.items() if value}
