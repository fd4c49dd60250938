"""Table of headline results for the README: a line for each task, with an interval and a control of the same budget."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse.evaluation.split_score import wilson_interval
from glimpse.reproduction.line_answers import read_answers
from glimpse.reproduction.line_tests import ComparedLine, compare_lines
from glimpse.reproduction.table_entries import row_name
from glimpse.runs.results import markdown_table


@dataclass(frozen=True)
class Headline:
    """A line of the table.

    task: the task in words.
    table: name of the result table.
    config, control: configs of the agent and of a control that was trained alike.
    metric: the metric in both, in percent.
    unit: what it is, in words.
    examples: number of test examples.
    """

    task: str
    table: str
    config: str
    control: str
    metric: str
    unit: str
    examples: int


HEADLINES = (
    Headline("MNIST, six looks at 8x8 pixels", "mnist", "mnist-ram", "mnist-path", "test_error_m10", "error", 10_000),
    Headline(
        "MNIST somewhere on 60x60",
        "translated",
        "translated-ram",
        "translated-raster",
        "test_error_m10",
        "error",
        10_000,
    ),
    Headline(
        "MNIST among clutter, 60x60",
        "cluttered",
        "cluttered-ram",
        "cluttered-random",
        "test_error_m10",
        "error",
        10_000,
    ),
    Headline(
        "Five digits on 1500x1500, twelve looks",
        "megapixel",
        "megapixel-anytime",
        "megapixel-anytime-saliency",
        "test_error_m1",
        "error",
        1_000,
    ),
    Headline("Catch, a ball seen in part", "catch", "catch-ram", "catch-raster", "test_caught_m1", "caught", 10_000),
    Headline("TREC's questions", "sentences", "trec-structured", "trec-mean", "test_accuracy", "accuracy", 500),
    Headline(
        "Words that decide a text", "planted", "planted", "planted-none", "test_rationale_f1", "F1 of kept words", 2_000
    ),
    Headline(
        "Two facts in a million words", "facts", "facts-two", "facts-two-first", "test_accuracy_1m", "accuracy", 2_000
    ),
    Headline(
        "FEVER: four opened of 43,888 sentences",
        "evidence",
        "evidence-fever",
        "evidence-fever+re-ranker",
        "test_found_at_4",
        "evidence complete",
        6_012,
    ),
    Headline(
        "FEVER: two opened of a claim's own pages",
        "evidence",
        "evidence-own",
        "evidence-own+re-ranker",
        "test_found_at_2",
        "evidence complete",
        6_012,
    ),
)


def headline_table(results: Path) -> str:
    """Return the table in Markdown.

    Raises:
        OSError: if a table's file cannot be read.
        KeyError: if a table lacks a line.
    """
    lines = [[one.task, f"`{one.config}`", *_cells(one, results)] for one in HEADLINES]
    return markdown_table(["task", "agent", "test, % (95 %, or range of 3 seeds)", "control"], lines)


def _cells(one: Headline, results: Path) -> list[str]:
    """Return the result with its interval, and the control's, with a word where no difference is shown."""
    rows: dict[str, dict[str, Any]] = {
        row_name(row): row
        for row in json.loads((results / f"{one.table}.json").read_text(encoding="utf-8"))
        if row["metric"] == one.metric
    }
    own, control = rows[one.config], rows[one.control]
    values = own["values"]
    low, high = (min(values), max(values)) if len(values) > 2 else wilson_interval(own["mean"] / 100, one.examples)
    result = f"{one.unit} {own['mean']:.2f} ({low:.2f} to {high:.2f})"
    sides = [
        ComparedLine(row, read_answers(results, name)) for row, name in ((own, one.config), (control, one.control))
    ]
    told = "" if compare_lines(*sides).shown else ", not shown"
    return [result, f"{control['mean']:.2f} (`{one.control}`){told}"]
