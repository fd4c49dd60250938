"""Mark that divides the columns of a table."""

import csv
import io
import re
from collections.abc import Sequence

_MARKS = (",", ";", "\t", "|")
_SAMPLE, _LETTERS = 20, 100_000
_DECLARED = re.compile(r"\s*\"?sep=(.)\"?\r?\n")


def dividing_mark(content: str, columns: Sequence[str | int], usual: str) -> tuple[str, str]:
    """Find the mark that divides the columns.

    It is the usual one if the wanted columns are there; else the one of comma, semicolon, tab and vertical bar with
    which they are: with their very names in the first line, or, if they are numbered, in each of the first lines, all
    of which then have equally many columns. A first line `sep=;`, which Excel writes, decides.

    Args:
        content: The table.
        columns: Names of the wanted columns, or their numbers from 0.
        usual: The mark that is expected.

    Returns:
        The mark, which is the usual one if none fits, and the table without a line `sep=;`.
    """
    if declared := _DECLARED.match(content):
        return declared[1], content[declared.end() :]
    fitting = (mark for mark in dict.fromkeys((usual, *_MARKS)) if _fits(_first_rows(content, mark), columns))
    return next(fitting, usual), content


def _fits(rows: list[list[str]], columns: Sequence[str | int]) -> bool:
    """Return whether the first rows have the wanted columns."""
    if not rows:
        return False
    if isinstance(columns[0], str):
        return {cell.strip() for cell in rows[0]}.issuperset(map(str, columns))
    width = len(rows[0])
    return all(len(row) == width for row in rows) and width > max(int(column) for column in columns)


def _first_rows(content: str, mark: str) -> list[list[str]]:
    """Return the first rows that are not blank; none if this is no table with the mark."""
    lines = content[:_LETTERS].lstrip("\r\n").splitlines(keepends=True)
    if len(content) > _LETTERS:  # The last line may be cut.
        lines = lines[:-1] or lines
    lines = lines[:_SAMPLE]
    try:
        return [row for row in csv.reader(io.StringIO("".join(lines), newline=""), delimiter=mark) if row]
    except csv.Error:
        return []
