"""Reader of a user's own texts, from the files and columns that the options name."""

import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.label_columns import (
    LabelColumn,
    check_labels_differ,
    check_same_kind,
    classes_in,
    number_labels,
)
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.row_faults import RowFaults
from glimpse.envs.text.rows import Parts, Rows
from glimpse.envs.text.table_files import table_rows
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.tokens import BREAK


class _Example(NamedTuple):
    """One labelled text or pair of texts; `where` names its line and row for errors."""

    where: str
    text: str
    label: str
    second: str | None = None


class _Table(NamedTuple):
    """Examples of a file, at least one."""

    path: Path
    examples: list[_Example]

    @property
    def labels(self) -> LabelColumn:
        """The column of labels."""
        return LabelColumn(self.path, [one.where for one in self.examples], [one.label for one in self.examples])


def read_user_files(options: TextOptions) -> Parts:
    """Read the files that `data`, `validation` and `test` name; a part without a file is None.

    Classes are the labels of the training file; see `classes_in`.

    Raises:
        DataError: A file cannot be read as a table (see `table_rows`), or has no rows; rows are faulty, texts or labels
            empty, or scores no numbers; all training labels are the same, or scores are too far apart; a label of
            validation or test is not one of the training file.
    """
    train = _read(options.data, options)
    classes = classes_in(train.labels, options.labels)
    rows = _rows(train, options, classes)
    check_labels_differ(options.data, options.labels, rows.label, train.examples[0].label)
    validation, test = (
        _rows(_read(file, options), options, classes) if file else None for file in (options.validation, options.test)
    )
    return Parts(rows, validation, test, classes)


def read_user_split(options: TextOptions, split: str, meaning: TextMeaning) -> Rows:
    """Read one split with the classes of a run (none for scores), from its own file or held out of the training file.

    Raises:
        DataError: As `read_user_files`; and if a label is none of the classes, or labels are of another kind. They may
            all be the same here.
    """
    check_same_kind(options.labels, meaning.label_kind_name, options.data)
    classes, files = meaning.classes, {"validation": options.validation, "test": options.test}
    if own := files.get(split):
        return _rows(_read(own, options), options, classes, of_run=True)
    rows = _rows(_read(options.data, options), options, classes, of_run=True)
    # A split with a file of its own is not held out.
    validation, test = (rows.take(np.arange(0)) if file else None for file in files.values())
    chosen: Rows = getattr(Parts(rows, validation, test, classes).divide(options.fold, options.data), split)
    return chosen


def _read(file: str, options: TextOptions) -> _Table:
    """Read every example of a file; raises DataError if rows are faulty, or there are none."""
    path = user_path(file.removeprefix("file:"), "the table of texts")
    named = [column for column in (options.text, options.label, options.text2) if column is not None]
    columns = [unicodedata.normalize("NFC", column) if isinstance(column, str) else column for column in named]
    faults, examples = RowFaults(path), []
    for where, cells in table_rows(path, columns, options.encoding, faults):
        blank = columns[1] if options.labels == "many" else None  # An example may have no labels.
        found = [(column, _cell_fault(cell, column == blank)) for column, cell in zip(columns, cells, strict=True)]
        wrong = next(((column, fault) for column, fault in found if fault), None)
        if wrong is None:
            examples.append(_Example(where, *map(_cell_text, cells)))
        else:
            column, (fault, remedy) = wrong
            faults.add(where, f": column {column!r} {fault}", remedy)
    faults.check()
    if not examples:
        raise DataError(f"{path} has no rows.")
    return _Table(path, examples)


def _cell_text(cell: Any) -> str:
    """Return a cell without spaces around it; letters and their accents are composed, as in all texts and labels."""
    text = "" if cell is None else str(cell).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _cell_fault(cell: Any, may_be_empty: bool = False) -> tuple[str, str] | None:
    """Return what is wrong with a cell, and what to do; None if it is a text or a number."""
    if isinstance(cell, (dict, list)):
        return "should be a text or a number, got a list or an object", "Join labels by |." * may_be_empty
    text = _cell_text(cell)
    if not may_be_empty and not text.replace("<br />", "").replace(BREAK, " ").strip():
        return "is empty", "Fill it in, or remove the row."
    if half := next((letter for letter in text if "\ud800" <= letter <= "\udfff"), None):
        return f"holds half of a character, \\u{ord(half):04x}", "Write the text as UTF-8."
    return None


def _rows(table: _Table, options: TextOptions, classes: tuple[str, ...], of_run: bool = False) -> Rows:
    texts = [example.text for example in table.examples]
    second = [example.second for example in table.examples if example.second is not None]
    return Rows(texts, number_labels(table.labels, options.labels, classes, of_run), second or None)
