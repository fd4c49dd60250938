"""Tables of a comparison of runs, as text: for the terminal, and for the page."""

from typing import NamedTuple

from glimpse.reporting.comparison import Comparison
from glimpse.reporting.measure_names import result_name

NOTE = "Difference: second less first, with the 95 % interval of the paired bootstrap. p-values are not corrected."


class ComparisonTable(NamedTuple):
    """A table with a title: headings and rows of cells, the first of which is text.

    optional: columns that a narrow terminal may leave out, the least important first.
    """

    title: str
    headings: list[str]
    rows: list[list[str]]
    optional: tuple[str, ...] = ()


def comparison_tables(found: Comparison) -> list[ComparisonTable]:
    """Return the tables of the runs, of what differs in their configs, of their metrics, and of the tests."""
    letters = [run.letter for run in found.runs]
    runs = [
        [run.letter, run.source, run.experiment.agent_title, run.experiment.task_title, str(run.experiment.seed)]
        for run in found.runs
    ]
    differences = [[key, *values] for key, values in found.differences.items()]
    return [
        ComparisonTable("Runs", ["run", "folder", "agent", "task", "seed"], runs, ("seed", "task", "agent")),
        *([ComparisonTable("Config, where it differs", ["key", *letters], differences)] if differences else []),
        *(_metrics_table(name, found) for name in found.metrics),
        *([_tests_table(found)] if any(pair.tests for pair in found.pairs) else []),
    ]


def comparison_notes(found: Comparison) -> list[str]:
    """Return lines that say what could not be compared, and how to change that."""
    refused = [f"no test of {one.first} and {one.second} on {one.measured}: {one.refused}" for one in found.pairs]
    notes = [note for note, one in zip(refused, found.pairs, strict=True) if one.refused]
    bare = [run for run in found.runs if not run.evaluations]
    notes += [f"{run.letter} was not evaluated: glimpse evaluate {run.source}" for run in bare]
    if not found.metrics and not bare:
        notes.append("no two runs were evaluated on the same split or other data")
    return notes


def _metrics_table(measured: str, found: Comparison) -> ComparisonTable:
    """Return the metrics of an evaluation, a row for each."""
    mode = _mode(measured, found)
    rows = [
        [result_name(key, mode), *("" if value is None else f"{value:.4f}" for value in values)]
        for key, values in found.metrics[measured].items()
    ]
    return ComparisonTable(f"Metrics, {measured}", ["metric", *(run.letter for run in found.runs)], rows)


def _mode(measured: str, found: Comparison) -> str:
    """Return how the agents of an evaluation acted where a metric does not say so: `M = 10`; "" where in one way."""
    modes = sorted({mode for run in found.runs if (mode := run.mode(measured))})
    return " or ".join(modes)


def _tests_table(found: Comparison) -> ComparisonTable:
    """Return a row for each test of two runs."""
    rows = [
        [
            f"{pair.first}, {pair.second}",
            pair.measured,
            ", ".join(filter(None, [test.metric, _mode(pair.measured, found)])),
            f"{test.first:.4f}",
            f"{test.second:.4f}",
            f"{test.difference:+.4f}",
            f"{test.low:+.4f} to {test.high:+.4f}",
            f"{test.p:.4f}" if test.p >= 0.0001 else f"{test.p:.1e}",
            f"{test.test}, {test.examples:,}",
        ]
        for pair in found.pairs
        for test in pair.tests
    ]
    heads = ["runs", "on", "metric", "first", "second", "difference", "95 % of the difference", "p", "test, examples"]
    return ComparisonTable("Paired tests", heads, rows, ("test, examples", "first", "second", "on"))
