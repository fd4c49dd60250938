"""What figures of tables are made of: a table's lines, and marks on a ground."""

from collections.abc import Sequence
from typing import NamedTuple

from glimpse.reporting.drawing.charts import Axis, Mark, Tone, linear_axis, logarithmic_axis
from glimpse.reproduction.table_entries import Entry
from glimpse.runs.results import Row

WIDTH = 840
"""Of a figure, in pixels."""


class Line(NamedTuple):
    """A line of a table: its entry, and its rows by metric."""

    entry: Entry
    of: dict[str, Row]


class Figure(NamedTuple):
    """Marks on a ground of so many pixels."""

    marks: list[Mark]
    width: int
    height: int


def fitting_axis(values: Sequence[float]) -> Axis:
    """A logarithmic axis for values above zero that are far apart, or else a linear one."""
    values = values or [0.0, 1.0]
    return logarithmic_axis(values) if 0 < 6 * min(values) < max(values) else linear_axis(values)


def line_tone(line: Line) -> Tone:
    """How a line is drawn: what is there to be compared with is grey."""
    return "control" if line.entry.control else "agent"
