"""Faults in the rows of a table, which are reported together."""

from pathlib import Path
from typing import NamedTuple

from glimpse.envs.errors import DataError

_SHOWN = 3


class RowFault(NamedTuple):
    """Fault of one row.

    where: line and row, such as "line 3 (row 2)".
    fault: what is wrong, to be read after `where`.
    remedy: what to do, as a sentence; may be empty.
    """

    where: str
    fault: str
    remedy: str = ""


class RowFaults:
    """Faults of a table's rows."""

    def __init__(self, path: Path) -> None:
        """Begin without faults, for the table in this file."""
        self.path = path
        self._shown: list[RowFault] = []
        self._count = 0

    def add(self, where: str, fault: str, remedy: str = "") -> None:
        """Add a fault; see `RowFault`."""
        self._count += 1
        if len(self._shown) < _SHOWN:
            self._shown.append(RowFault(where, fault, remedy))

    def check(self) -> None:
        """Raise DataError if there is a fault: with the first few of them, and how many there are."""
        if not self._count:
            return
        faults = "; ".join(f"{one.where}{one.fault}" for one in self._shown)
        more = f"; and {self._count - _SHOWN:,} more" if self._count > _SHOWN else ""
        remedies = "".join(f" {remedy}" for remedy in dict.fromkeys(one.remedy for one in self._shown) if remedy)
        if self._count == 1:
            raise DataError(f"{self.path}, {faults}.{remedies}")
        raise DataError(f"{self.path} has {self._count:,} faulty rows: {faults}{more}.{remedies}")


def shorten(value: str, limit: int = 40) -> str:
    """Return a text in quotation marks, cut to a few letters."""
    return repr(value) if len(value) <= limit else f"{value[:limit]!r}..."
