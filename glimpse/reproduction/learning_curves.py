"""Learning curves of a table's lines: a validation measure over training steps, from the runs' `metrics.jsonl`."""

from pathlib import Path
from statistics import mean

from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reproduction.table_entries import Table, TableEntry
from glimpse.runs.metric_names import read_run_metrics
from glimpse.runs.run_folder import RunFolder

_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "control", "sampled")
"""Colours that are easiest to tell apart come first."""


def curves_picture(table: Table, runs: Path) -> bytes | None:
    """Draw a chart of learning curves for each family of lines, from the run folders that exist.

    Args:
        table: the table; `table.curve` names the measure in `metrics.jsonl`, a number in [0, 1].
        runs: folder that holds the run folders.

    Returns:
        A PNG, or None if there are no runs.
    """
    families: dict[str, list[Series]] = {}
    for entry in table.entries:
        points = line_points(entry, runs, table.curve) if entry.family else ()
        if points:
            lines = families.setdefault(entry.family, [])
            lines.append(Series(entry.short or entry.label, points, _TONES[len(lines) % len(_TONES)]))
    charts = [Chart(name, "steps", tuple(lines)) for name, lines in families.items()]
    return png(charts_image(charts, columns=2)) if charts else None


def line_points(entry: TableEntry, runs: Path, measure: str) -> tuple[tuple[float, float | None], ...]:
    """Return (step, mean over runs in percent) of a line, at each step at which all of its runs were measured."""
    folders = [RunFolder(run) for run in sorted(runs.glob(f"{entry.name}-seed*[0-9]"))]
    records = [read_run_metrics(folder) for folder in folders if folder.metrics_path.exists()]
    known = [
        {float(row["step"] or 0): float(row[measure] or 0) for row in rows if row.get(measure) is not None}
        for rows in records
    ]
    steps = sorted(set.intersection(*map(set, known))) if known else []
    return tuple((step, 100 * mean(run[step] for run in known)) for step in steps)
