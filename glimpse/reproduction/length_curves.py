"""BLEU over the length of the source, a curve for each line of a table (Bahdanau et al., 2015, figure 2)."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import mean
from typing import Any

from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.translation.translation_charts import Points, length_points
from glimpse.reproduction.table_entries import Table, TableEntry
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.run_folder import RunFolder

_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "sampled")
"""Colours that are easiest to tell apart come first; controls are grey."""


def lengths_picture(table: Table, runs: Path) -> bytes | None:
    """Draw a curve for each line of the table that has a family, from its evaluated runs.

    Args:
        table: the table.
        runs: folder that holds the run folders.

    Returns:
        A PNG, or None if no run has been evaluated.

    Raises:
        UserError: if a run's evaluation cannot be read.
    """
    lines = [(entry, points) for entry in table.entries if entry.family and (points := _curve_points(entry, runs))]
    tones = cycle(_TONES)
    series = tuple(
        Series(entry.short or entry.label, points, "control" if entry.control else next(tones))
        for entry, points in lines
    )
    chart = Chart("BLEU by length", "words of the source", series)
    return png(charts_image([chart], columns=1)) if series else None


def _curve_points(entry: TableEntry, runs: Path) -> Points:
    """Return (length, mean BLEU over runs) of a line, at each length for which all of its runs have sentences."""
    paths = sorted(RunFolder(run).evaluation_path for run in runs.glob(f"{entry.name}-seed*[0-9]"))
    known = [dict(length_points(_length_groups(path))) for path in paths if path.exists()]
    middles = sorted(set.intersection(*map(set, known))) if known else []
    return tuple((middle, mean(run[middle] or 0.0 for run in known)) for middle in middles)


def _length_groups(path: Path) -> Sequence[dict[str, Any]]:
    """Read the groups of sentences by length from a run's evaluation.json."""
    groups = read_evaluation_file(path).get("test", {}).get("by_length")
    if not isinstance(groups, list):
        raise not_an_evaluation(path)
    return groups
