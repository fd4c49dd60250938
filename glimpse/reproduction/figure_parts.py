"""Parts that all figures of tables share: measured lines, marks on a canvas, and axes."""

from collections.abc import Sequence
from typing import NamedTuple

from glimpse.reporting.drawing.axes import Axis, linear_axis, logarithmic_axis
from glimpse.reporting.drawing.charts import Mark, Tone
from glimpse.reproduction.table_entries import TableEntry
from glimpse.runs.results import Row

WIDTH = 840
"""Width of a figure in pixels."""


class MeasuredEntry(NamedTuple):
    """A line of a table with its results: the entry, and a result row for each metric."""

    entry: TableEntry
    results: dict[str, Row]


class Figure(NamedTuple):
    """Marks to be drawn on a canvas of `width` by `height` pixels."""

    marks: list[Mark]
    width: int
    height: int


def fitting_axis(values: Sequence[float]) -> Axis:
    """Return a logarithmic axis for positive values that are far apart, or else a linear one."""
    values = values or [0.0, 1.0]
    return logarithmic_axis(values) if 0 < 6 * min(values) < max(values) else linear_axis(values)


def line_tone(line: MeasuredEntry) -> Tone:
    """Return the tone in which a line is drawn: controls are grey."""
    return "control" if line.entry.control else "agent"
