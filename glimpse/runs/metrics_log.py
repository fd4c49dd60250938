"""Metrics of a run as lines of JSON, appended while it trains."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from glimpse.errors import UserError
from glimpse.runs.durable import (
    append_to_file,
    read_file,
    replace_file,
    reporting_read_errors,
    reporting_write_errors,
)

Value = float | int | str | None


class MetricsLog:
    """An append-only file of JSON lines, one for each row of metrics.

    A row has an integer ``step``. Write a step's rows before its checkpoint: then those that a resumed run
    drops are exactly those that it writes again. Only the holder of the run's lock may write.
    """

    def __init__(self, path: Path, durable: bool = True) -> None:
        """Remember where the rows go; nothing is opened before it is needed.

        Rows that are not `durable` survive the end of the process, but not always that of the machine.
        """
        self.path, self._durable = path, durable

    def write(self, row: Mapping[str, Value]) -> None:
        """Append a row and wait until it is on the disk. NaN and infinity, which JSON lacks, become null.

        Raises:
            UserError: It cannot be written; the rows before it are intact.
            ValueError: The row has no integer ``step``.
        """
        if not isinstance(row.get("step"), int):
            raise ValueError(f"a row of metrics needs an integer step, got {row.get('step')!r}")
        line = json.dumps({name: _json_value(value) for name, value in row.items()}, allow_nan=False) + "\n"
        with reporting_write_errors(self.path):
            append_to_file(self.path, line.encode(), self._durable)

    def truncate_after(self, step: int) -> None:
        """Drop the rows after `step`, and the torn last one of a killed process; -1 drops all.

        Raises:
            UserError: The file cannot be read or written; then it is as it was.
        """
        kept = [line for line, row in _read_lines(self.path) if int(row["step"] or 0) <= step]
        if self.path.exists():
            with reporting_write_errors(self.path):
                replace_file(self.path, b"".join(kept))


def read_metrics(path: Path) -> list[dict[str, Value]]:
    """Return the rows of a metrics file in order; none where it is missing. A torn last line is left out.

    Raises:
        UserError: The file cannot be read, or a line before the last is not a row.
    """
    return [row for _, row in _read_lines(path)]


def _read_lines(path: Path) -> list[tuple[bytes, dict[str, Value]]]:
    """Return each whole line with the row in it."""
    with reporting_read_errors(path):
        lines = read_file(path).splitlines(keepends=True) if os.path.lexists(path) else []
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    return [(line, _parse_row(path, number, line)) for number, line in enumerate(lines, start=1)]


def _parse_row(path: Path, number: int, line: bytes) -> dict[str, Value]:
    """Return the row in a line."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or type(row.get("step")) is not int or not all(map(_is_value, row.values())):
        raise UserError(
            f"{path}, line {number}, is not a row of metrics (a JSON object of numbers and words, with an integer "
            "step). Remove that line"
        )
    return row


def _is_value(value: object) -> bool:
    """Return whether a value of a row is one that `MetricsLog.write` writes, and that fits into a float."""
    return value is None or isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 2**63)


def _json_value(value: Value) -> Value:
    """Return the value, or None for a number that JSON lacks."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
