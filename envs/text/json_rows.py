"""Reader of rows that are JSON objects, one on each line."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from glimpse.envs.text.row_faults import RowFaults, shorten


class _Fault(Exception):
    """Fault of a row, to be read after its place."""


def json_rows(content: str, columns: Sequence[str | int], faults: RowFaults) -> Iterator[tuple[str, list[Any]]]:
    """Yield the wanted values of the object on each line, after the line and row; blank lines are skipped.

    Whole numbers are given as they are written, however long they are.

    Args:
        content: The lines.
        columns: Names of the wanted values.
        faults: Where faulty rows are noted, which are left out.
    """
    lines = ((number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip())
    for row, (number, line) in enumerate(lines, 1):
        where = f"line {number} (row {row})"
        try:
            yield where, _values(line, columns)
        except _Fault as fault:
            faults.add(where, str(fault))


def _values(line: str, columns: Sequence[str | int]) -> list[Any]:
    try:
        value = json.loads(line, parse_int=str, parse_constant=_refuse, object_pairs_hook=_Members)
    except RecursionError:
        raise _Fault(" is no row: its lists and objects are nested too deeply") from None
    except ValueError as error:
        raise _Fault(f" is no JSON ({error})") from None
    if not isinstance(value, _Members):
        raise _Fault(f" should be an object {{...}}, got {shorten(line.strip())}")
    names: list[str | int] = [name for name, _ in value]
    for column in columns:
        if names.count(column) != 1:
            named = ", ".join(shorten(str(name)).strip("'") for name in names[:20]) or "none"
            many = "more than one" if column in names else "no"
            raise _Fault(f" has {many} column {column!r}; its columns are: {named}")
    values = dict(zip(names, (each for _, each in value), strict=True))
    return [values[column] for column in columns]


class _Members(list[tuple[str, Any]]):
    """Names and values of an object, in order, in which a name may be repeated."""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
