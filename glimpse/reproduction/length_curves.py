"""BLEU by the length of the source, a line for each of a table's lines (Bahdanau et al., 2015, figure 2)."""

import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import mean
from typing import Any

from glimpse.errors import UserError
from glimpse.reporting.drawing.chart_drawing import charts_image
from glimpse.reporting.drawing.charts import Chart, Series, Tone
from glimpse.reporting.drawing.scanpaths import png
from glimpse.reporting.translation.translation_charts import Points, length_points
from glimpse.reproduction.table_entries import Entry, Table
from glimpse.runs.durable import reporting_read_errors
from glimpse.runs.run_folder import RunFolder

_TONES: tuple[Tone, ...] = ("agent", "averaged", "paper", "public", "sampled")
"""Those that are told apart most easily come first; controls have their own."""


def lengths_picture(table: Table, runs: Path) -> bytes | None:
    """A PNG with a curve for each line of the table that has a family, of its runs that were measured; None without.

    Raises:
        UserError: if a run's evaluation cannot be read.
    """
    lines = [(entry, points) for entry in table.entries if entry.family and (points := _points_of(entry, runs))]
    tones = cycle(_TONES)
    series = tuple(
        Series(entry.short or entry.label, points, "control" if entry.control else next(tones))
        for entry, points in lines
    )
    chart = Chart("BLEU by length", "words of the source", series)
    return png(charts_image([chart], columns=1)) if series else None


def _points_of(entry: Entry, runs: Path) -> Points:
    """The mean over a line's runs, where all of them have sentences of that length."""
    paths = sorted(RunFolder(run).evaluation_path for run in runs.glob(f"{entry.config}-seed*[0-9]"))
    known = [dict(length_points(_groups(path))) for path in paths if path.exists()]
    middles = sorted(set.intersection(*map(set, known))) if known else []
    return tuple((middle, mean(one[middle] or 0.0 for one in known)) for middle in middles)


def _groups(path: Path) -> Sequence[dict[str, Any]]:
    try:
        with reporting_read_errors(path):
            groups: Sequence[dict[str, Any]] = json.loads(path.read_text())["test"]["by_length"]
        return groups
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not what glimpse evaluate writes. Remove it and measure again") from None
