"""Rows of a user's table with labels: the cells of the wanted columns as clean texts, or all faults at once."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from glimpse.envs.errors import DataError
from glimpse.envs.text.label_columns import LabelColumn
from glimpse.envs.text.row_faults import RowFaults
from glimpse.envs.text.table_files import table_rows
from glimpse.envs.text.tokens import BREAK


class LabelledRow(NamedTuple):
    """Row of a table; `where` names its line and row for errors, `more` has the cells of further columns."""

    where: str
    value: str
    label: str
    more: tuple[str, ...]


class LabelledTable(NamedTuple):
    """Rows of a file, at least one."""

    path: Path
    rows: list[LabelledRow]

    @property
    def labels(self) -> LabelColumn:
        """The column of labels."""
        return LabelColumn(self.path, [row.where for row in self.rows], [row.label for row in self.rows])


def read_labelled_rows(
    path: Path, columns: Sequence[str | int], encoding: str, may_lack_labels: bool, options: str
) -> LabelledTable:
    """Read every row of a table.

    Args:
        path: The file.
        columns: Columns of the value, of the label, and further ones, by name, or by number where there is no header.
        encoding: Character encoding of the file.
        may_lack_labels: Whether the cell of the label may be empty.
        options: The options that name the columns, for the error where one is missing.

    Raises:
        DataError: Rows are faulty, or there are none.
    """
    columns = [unicodedata.normalize("NFC", column) if isinstance(column, str) else column for column in columns]
    faults, rows = RowFaults(path), []
    for where, cells in table_rows(path, columns, encoding, faults, options):
        found = [_fault_of(cell, may_lack_labels and at == 1) for at, cell in enumerate(cells)]
        wrong = next(((column, fault) for column, fault in zip(columns, found, strict=True) if fault), None)
        if wrong is None:
            value, label, *more = map(_text_of, cells)
            rows.append(LabelledRow(where, value, label, tuple(more)))
        else:
            column, (fault, remedy) = wrong
            faults.add(where, f": column {column!r} {fault}", remedy)
    faults.check()
    if not rows:
        raise DataError(f"{path} has no rows.")
    return LabelledTable(path, rows)


def _text_of(cell: Any) -> str:
    """Return a cell without spaces around it; letters and their accents are composed, as in all texts and labels."""
    text = "" if cell is None else str(cell).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _fault_of(cell: Any, may_be_empty: bool = False) -> tuple[str, str] | None:
    """Return what is wrong with a cell, and what to do; None if it is a text or a number."""
    if isinstance(cell, (dict, list)):
        return "should be a text or a number, got a list or an object", "Join labels by |." * may_be_empty
    text = _text_of(cell)
    if not may_be_empty and not text.replace("<br />", "").replace(BREAK, " ").strip():
        return "is empty", "Fill it in, or remove the row."
    if half := next((letter for letter in text if "\ud800" <= letter <= "\udfff"), None):
        return f"holds half of a character, \\u{ord(half):04x}", "Write the text as UTF-8."
    return None
