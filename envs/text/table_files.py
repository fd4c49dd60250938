"""Reader of tables in files: .tsv, .csv and .jsonl, plain or compressed (.gz, .xz), row by row.

- .tsv: divided by tabs; a quotation mark is a character like any other, so no cell can hold a tab or a new line.
- .csv: divided by commas; a cell in quotation marks may hold commas, doubled quotation marks and new lines.
- .jsonl: an object on each line.

In the first two the first line names the columns, unless the caller numbers them. They may be divided by another mark
than their names say; see `dividing_mark`. Blank lines are skipped.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from glimpse.envs.data.file_contents import user_text
from glimpse.envs.errors import DataError
from glimpse.envs.text.dividing_marks import dividing_mark
from glimpse.envs.text.json_rows import json_rows
from glimpse.envs.text.row_faults import RowFaults, shorten

_CELL_LIMIT = 1 << 30
FORMATS = (".tsv", ".csv", ".jsonl")
_Line = tuple[int, list[str]]


def table_rows(
    path: Path,
    columns: Sequence[str | int],
    encoding: str,
    faults: RowFaults,
    options: str = "task.text=COLUMN, task.label=COLUMN (and task.text2=COLUMN)",
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the cells of some columns of each row, after a string that names the line and row for errors.

    Args:
        path: The file; its name says which format it has.
        columns: Names of columns; or their numbers from 0, if the file has no header.
        encoding: Character encoding of the file.
        faults: Where faulty rows are noted, which are left out.
        options: The options that name columns, for the error where one is missing.

    Raises:
        DataError: The file is missing, damaged, or of another format or encoding; or it lacks a column.
    """
    kind, content = table_content(path, encoding, ", or set `encoding: latin-1` if that is what it is")
    content = unicodedata.normalize("NFC", content)  # Names of columns are compared in their composed form.
    if kind == ".jsonl":
        yield from json_rows(content, columns, faults)
        return
    yield from _cells(path, divided_lines(path, kind, content, columns), columns, faults, options)


def table_content(path: Path, encoding: str, option: str = "") -> tuple[str, str]:
    """Return the format of a table, one of `FORMATS`, and its text; for `option` see `user_text`.

    Raises:
        DataError: The file is missing, damaged, or of another format or encoding.
    """
    kind = path.name.removesuffix(".gz").removesuffix(".xz")
    kind = kind[kind.rfind(".") :].lower()
    if kind not in FORMATS:
        raise DataError(f"{path}: the name should end with {', '.join(FORMATS)} (or with .gz or .xz after that).")
    content = user_text(path, encoding, option)
    return kind, content if "\n" in content else content.replace("\r", "\n")  # As old programs on Macs end lines.


def divided_lines(path: Path, kind: str, content: str, columns: Sequence[str | int]) -> Iterator[_Line]:
    """Yield the number and the cells of each line of a .csv or .tsv, divided by the mark that `dividing_mark` finds.

    Raises:
        DataError: It is no CSV.
    """
    mark, content = dividing_mark(content, columns, "\t" if kind == ".tsv" else ",")
    return _tab_lines(content) if (kind, mark) == (".tsv", "\t") else _csv_lines(path, content, mark)


def _tab_lines(content: str) -> Iterator[_Line]:
    for number, line in enumerate(content.split("\n"), 1):
        yield number, line.removesuffix("\r").split("\t")


def _csv_lines(path: Path, content: str, mark: str) -> Iterator[_Line]:
    limit, begun = csv.field_size_limit(_CELL_LIMIT), 1  # Documents may be longer than Python's default allows.
    try:
        lines = csv.reader(io.StringIO(content, newline=""), delimiter=mark, strict=True)
        for cells in lines:
            yield lines.line_num, cells
            begun = lines.line_num + 1
    except csv.Error as error:
        where = f"line {lines.line_num}" if begun == lines.line_num else f"lines {begun} to {lines.line_num}"
        closed = " A quotation mark is not closed." if "unexpected end" in str(error) else ""
        raise DataError(f"{path}, {where}: this is no CSV ({error}).{closed}") from error
    finally:
        csv.field_size_limit(limit)


def _cells(
    path: Path, lines: Iterator[_Line], columns: Sequence[str | int], faults: RowFaults, options: str
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the wanted cells of each line; the first line is the header if columns have names."""
    lines = ((number, cells) for number, cells in lines if cells not in ([], [""]))
    named = isinstance(columns[0], str)
    first = next(lines, (1, []))
    width = len(first[1])
    there: list[str | int] = [name.strip() for name in first[1]] if named else list(range(width))
    _check_columns(path, columns, there, options)
    if not named:
        lines = _with_first(first, lines)
    wanted = [there.index(column) for column in columns]
    for row, (number, cells) in enumerate(lines, 1):
        where = f"line {number} (row {row})"
        if len(cells) == width:
            yield where, [cells[index] for index in wanted]
        else:
            faults.add(where, f" has {len(cells)} columns, expected {width}")


def _with_first(first: _Line, rest: Iterator[_Line]) -> Iterator[_Line]:
    if first[1]:
        yield first
    yield from rest


def _check_columns(path: Path, columns: Sequence[str | int], there: Sequence[str | int], options: str) -> None:
    """Raise DataError unless every wanted column exists exactly once."""
    for column in columns:
        if column not in there:
            named = ", ".join(shorten(name).strip("'") if isinstance(name, str) else str(name) for name in there[:50])
            more = f", and {len(there) - 50} more" if len(there) > 50 else ""
            remedy = f" Name them by {options}, or number them from 0 if the first line is no header."
            raise DataError(
                f"{path} has no column {column!r}; its columns are: {named or 'none'}{more}."
                f"{remedy if isinstance(column, str) else ''}"
            )
        if there.count(column) > 1:
            raise DataError(f"{path} has more than one column {column!r}.")
