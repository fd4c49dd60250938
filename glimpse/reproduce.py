"""`glimpse reproduce TABLE`: train what is missing, evaluate once on the test set, and write the table's results."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from glimpse.config_file import load_experiment
from glimpse.errors import UserError
from glimpse.evaluate import evaluate_run
from glimpse.results import Row, markdown_table, write_rows, write_text
from glimpse.run_folder import RunFolder, read_metrics
from glimpse.train import train_command


@dataclass(frozen=True)
class Entry:
    """One line of a table.

    config: a shipped config.
    seeds: one run each.
    published: the paper's number for this setting, in percent, if it has one.
    """

    config: str
    seeds: tuple[int, ...] = (0, 1, 2)
    published: float | None = None


@dataclass(frozen=True)
class Table:
    """A table: its heading and its lines."""

    title: str
    entries: tuple[Entry, ...]


TABLES: dict[str, Table] = {
    "mnist": Table(
        "28x28 MNIST, 6 glimpses of 8x8, 1 scale: test error, %",
        (
            Entry("mnist-ram"),
            Entry("demo"),
            Entry("mnist-ram-paper", published=1.12),  # Mnih et al. (2014), table 1a, the proceedings' version
            Entry("mnist-path"),
            Entry("mnist-random"),
            Entry("mnist-raster"),
            Entry("mnist-centre"),
        ),
    ),
}
METRICS = {"test_error_m10": "averaged", "test_error_m1": "sampled", "test_error_greedy": "greedy"}


def reproduce_command(table: str, runs: Path, output: Path, quick: bool, overrides: list[str]) -> int:
    """Make a table: `output`/TABLE.json and .md.

    Args:
        table: its name.
        runs: where run folders are kept; those that are there are reused, those unfinished are resumed.
        output: folder of the results.
        quick: a smoke run: one seed, 30 steps, its own run folders.
        overrides: `a.b=c`, for every run (such as threads=1).

    Returns:
        0, or 143 or 130 if a training was stopped.

    Raises:
        UserError: for an unknown table, or a run or file that cannot be read or written.
    """
    if table not in TABLES:
        raise UserError(f"unknown table {table!r}; choose from {', '.join(TABLES)}")
    overrides = [*overrides, *(["train.steps=30", "train.evaluate_every=30"] if quick else [])]
    rows: list[Row] = []
    for entry in TABLES[table].entries:
        records = []
        for seed in entry.seeds[:1] if quick else entry.seeds:
            run = runs / f"{entry.config}-seed{seed}{'-quick' * quick}"
            code = _train(entry.config, run, [f"seed={seed}", *overrides])
            if code:
                return code
            records.append((seed, {**_test(run), "train_seconds": _train_seconds(run)}))
        rows += _rows(table, entry, records)
        write_rows(output / f"{table}.json", rows)
        write_text(output / f"{table}.md", _markdown(TABLES[table], rows))
    print(f"written to {output / table}.json and {output / table}.md")
    return 0


def _train(config: str, run: Path, overrides: list[str]) -> int:
    """Train a run, unless it is done; an unfinished one is resumed with the config that it began with."""
    print(f"== {run}", flush=True)
    begun = RunFolder(run).config_path.exists()
    experiment = load_experiment(RunFolder(run).config_path if begun else config, [] if begun else overrides)
    return train_command(experiment, run, resume=begun)


def _test(run: Path) -> dict[str, Any]:
    """The run's record on the test set: the one that is there, or one made now."""
    path = RunFolder(run).evaluation_path
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return dict(known["test"]) if "test" in known else evaluate_run(run, "test")


def _train_seconds(run: Path) -> float:
    """How long the whole run took, not only up to the weights that were chosen."""
    return float(read_metrics(RunFolder(run).metrics_path)[-1]["seconds"] or 0)


def _rows(table: str, entry: Entry, records: list[tuple[int, dict[str, Any]]]) -> list[Row]:
    """A row for each metric of one line."""
    tests = [record for _, record in records]
    shared = {
        "task": table,
        "agent": load_experiment(entry.config).agent.name,
        "config": f"configs/{entry.config}.yaml",
    }
    rows = []
    for metric, score in METRICS.items():
        values = [round(record["scores"][record["agent"]][score]["error"], 3) for record in tests]
        rows.append(
            {
                **shared,
                "metric": metric,
                "mean": round(mean(values), 3),
                "values": values,
                "seeds": [seed for seed, _ in records],
                "train_seconds": round(mean(record["train_seconds"] for record in tests), 1),
                "device": tests[0]["trained_on"],
                "command": f"glimpse reproduce {table}",
                "published": entry.published,
            }
        )
    return rows


def _markdown(table: Table, rows: list[Row]) -> str:
    """A line for each config."""
    lines = []
    for config in dict.fromkeys(row["config"] for row in rows):
        of = {row["metric"]: row for row in rows if row["config"] == config}
        cells = [_mean_and_range(of[name]["values"]) for name in METRICS]
        first = of["test_error_m10"]
        published = "" if first["published"] is None else f"{first['published']:.2f}"
        minutes = f"{first['train_seconds'] / 60:.1f}"
        lines.append([f"`{config}`", *cells, published, str(len(first["seeds"])), minutes, first["device"]])
    headings = ["config", "M = 10", "M = 1", "greedy", "paper", "seeds", "minutes", "device"]
    return f"# {table.title}\n\nMean over seeds, range in brackets.\n\n{markdown_table(headings, lines)}"


def _mean_and_range(values: list[float]) -> str:
    return f"{mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
