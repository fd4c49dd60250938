"""Reader of tables in files: .tsv, .csv and .jsonl, plain or compressed (.gz, .xz), row by row.

- .tsv: divided by tabs; a quotation mark is a character like any other, so no cell can hold a tab or a new line.
- .csv: divided by commas; a cell in quotation marks may hold commas, doubled quotation marks and new lines.
- .jsonl: an object on each line.

In the first two the first line names the columns, unless the caller numbers them. Blank lines are skipped.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from glimpse.envs.data.file_contents import uncompressed
from glimpse.envs.errors import DataError

_CELL_LIMIT = 1 << 30
FORMATS = (".tsv", ".csv", ".jsonl")


def table_rows(path: Path, columns: Sequence[str | int], encoding: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the cells of some columns of each row, after a string that names the file, line and row for errors.

    Args:
        path: The file; its name says which format it has.
        columns: Names of columns; or their numbers from 0, if the file has no header.
        encoding: Character encoding of the file.

    Raises:
        DataError: The file is missing, damaged, or of another format or encoding; it lacks a column, or a row does.
    """
    kind = path.name.removesuffix(".gz").removesuffix(".xz")
    kind = kind[kind.rfind(".") :].lower()
    if kind not in FORMATS:
        raise DataError(f"{path}: the name should end with {', '.join(FORMATS)} (or with .gz or .xz after that).")
    content = _decoded(path, encoding)
    if kind == ".jsonl":
        yield from _objects(path, content, columns)
    else:
        yield from _cells(path, _tab_lines(content) if kind == ".tsv" else _csv_lines(path, content), columns)


def _decoded(path: Path, encoding: str) -> str:
    try:
        content = uncompressed(path)
    except DataError as fault:
        raise DataError(f"{path} {fault}.") from fault
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not {encoding.upper()}, as expected: byte {error.start} (line {line}) is "
            f"0x{content[error.start]:02x}. Save it as UTF-8, or set `encoding: latin-1` if that is what it is."
        ) from error


def _tab_lines(content: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(content.split("\n"), 1):
        yield number, line.removesuffix("\r").split("\t")


def _csv_lines(path: Path, content: str) -> Iterator[tuple[int, list[str]]]:
    limit = csv.field_size_limit(_CELL_LIMIT)  # Documents may be longer than Python's default allows.
    try:
        lines = csv.reader(io.StringIO(content, newline=""), strict=True)
        for cells in lines:
            yield lines.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}, line {lines.line_num}: this is no CSV ({error}).") from error
    finally:
        csv.field_size_limit(limit)


def _cells(
    path: Path, lines: Iterator[tuple[int, list[str]]], columns: Sequence[str | int]
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the wanted cells of each line; the first line is the header if columns have names."""
    lines = ((number, cells) for number, cells in lines if cells not in ([], [""]))
    named = isinstance(columns[0], str)
    first = next(lines, (1, []))
    width = len(first[1])
    there: list[str | int] = [name.strip() for name in first[1]] if named else list(range(width))
    _check_columns(path, columns, there)
    if not named:
        lines = _with_first(first, lines)
    wanted = [there.index(column) for column in columns]
    for row, (number, cells) in enumerate(lines, 1):
        if len(cells) != width:
            raise DataError(f"{path}, line {number} (row {row}) has {len(cells)} columns, expected {width}.")
        yield f"{path}, line {number} (row {row})", [cells[index] for index in wanted]


def _with_first(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    if first[1]:
        yield first
    yield from rest


def _objects(path: Path, content: str, columns: Sequence[str | int]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the wanted values of the JSON object on each line."""
    lines = ((number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip())
    for row, (number, line) in enumerate(lines, 1):
        where = f"{path}, line {number} (row {row})"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{where} is no JSON ({error}).") from error
        if not isinstance(value, dict):
            raise DataError(f"{where} should be an object {{...}}, got {line.strip()[:40]}.")
        _check_columns(where, columns, list(value))
        yield where, [value[column] for column in columns]


def _check_columns(where: object, columns: Sequence[str | int], there: Sequence[str | int]) -> None:
    """Raise DataError unless every wanted column exists exactly once."""
    for column in columns:
        if column not in there:
            named = ", ".join(map(str, there)) or "none"
            raise DataError(f"{where} has no column {column!r}; its columns are: {named}.{_remedy(where, column)}")
        if there.count(column) > 1:
            raise DataError(f"{where} has more than one column {column!r}.")


def _remedy(where: object, column: str | int) -> str:
    """Say what to do about a missing column; `where` is a path if the file may have no header."""
    named = " Name them with `text`, `label` (and `text2`)"
    if isinstance(where, Path) and isinstance(column, str):
        return f"{named}, or number them from 0 if the first line is no header."
    return f"{named}." if isinstance(column, str) else ""
