"""How the lines of a table learned: a measure of validation data over the steps, from the runs' own records."""

from pathlib import Path
from statistics import mean

from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reproduction.table_entries import Entry, Table
from glimpse.runs.run_folder import RunFolder, read_metrics

_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "control", "sampled")
"""Those that are told apart most easily come first."""


def curves_picture(table: Table, runs: Path) -> bytes | None:
    """A PNG with a chart for each family of lines, of all runs of the table that there are; None if there are none.

    Args:
        table: says by `curve` what is drawn: a share, by its name in `metrics.jsonl`.
        runs: where run folders are kept.
    """
    families: dict[str, list[Series]] = {}
    for entry in table.entries:
        points = line_points(entry, runs, table.curve) if entry.family else ()
        if points:
            lines = families.setdefault(entry.family, [])
            lines.append(Series(entry.short or entry.label, points, _TONES[len(lines) % len(_TONES)]))
    charts = [Chart(name, "steps", tuple(lines)) for name, lines in families.items()]
    return png(charts_image(charts, columns=2)) if charts else None


def line_points(entry: Entry, runs: Path, measure: str) -> tuple[tuple[float, float | None], ...]:
    """A line's mean over its runs, in percent, at each step at which all of them were measured."""
    folders = [RunFolder(run) for run in sorted(runs.glob(f"{entry.config}-seed*[0-9]"))]
    records = [read_metrics(folder.metrics_path) for folder in folders if folder.metrics_path.exists()]
    known = [
        {float(row["step"] or 0): float(row[measure] or 0) for row in rows if row.get(measure) is not None}
        for rows in records
    ]
    steps = sorted(set.intersection(*map(set, known))) if known else []
    return tuple((step, 100 * mean(one[step] for one in known)) for step in steps)
