"""Lines of a table with their result rows, and the line that each is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

from glimpse.reproduction.table_entries import row_name
from glimpse.reproduction.tables import Table, TableEntry
from glimpse.runs.results import Row


@dataclass(frozen=True)
class MeasuredLine:
    """A line of a table with its result rows by metric, of which there is at least one."""

    entry: TableEntry
    rows: dict[str, Row]

    @property
    def row(self) -> Row:
        """The first row, for the facts that all share."""
        return next(iter(self.rows.values()))

    @property
    def main_metric(self) -> str:
        """The metric that the line is known by: its first one."""
        return next(iter(self.rows))


def measured_lines(table: Table, rows: Sequence[Row]) -> list[MeasuredLine]:
    """Return the lines of a table that have rows, in the table's order."""
    of_line: dict[str, dict[str, Row]] = {}
    for row in rows:
        of_line.setdefault(row_name(row), {})[row["metric"]] = row
    return [MeasuredLine(entry, of_line[entry.name]) for entry in table.entries if entry.name in of_line]


def reference_of(line: MeasuredLine, lines: Sequence[MeasuredLine], table: Table) -> MeasuredLine:
    """Return the line that a line is compared with, and whose budget it should have had.

    It is the one that the entry names by `beside`, the table's `reference`, or the first line of the same task that is
    no control; the line itself where there is no other.
    """
    alike = [one for one in lines if one.row["task"] == line.row["task"]]
    named = [one for wanted in (line.entry.beside, table.reference) for one in alike if one.entry.name == wanted]
    agents = [one for one in alike if not one.entry.control]
    return next(iter([*named, *agents, *alike]))
