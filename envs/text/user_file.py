"""Reader of a user's own texts, from the files and columns that the options name."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.meaning import unknown_class
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.row_faults import RowFaults, shorten
from glimpse.envs.text.rows import Parts, Rows, class_indices
from glimpse.envs.text.table_files import table_rows
from glimpse.envs.text.tokens import BREAK

_WIDEST = 1000
"""Greatest range of scores: an agent has an output for each whole number between the lowest and the highest."""
_DIGITS = 18
"""Most digits of labels that are sorted as numbers."""
_LARGEST = float(np.finfo(np.float32).max)


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


def read_user_files(options: TextOptions) -> Parts:
    """Read the files that `data`, `validation` and `test` name; a part without a file is None.

    Classes are the labels of the training file, sorted: as numbers if all are whole numbers.

    Raises:
        DataError: A file cannot be read as a table (see `table_rows`), or has no rows; rows are faulty, texts or labels
            empty, or scores no numbers; all training labels are the same, or scores are too far apart; a label of
            validation or test is not one of the training file.
    """
    train = _read(options.data, options)
    classes = _classes(example.label for example in train.examples) if options.labels == "classes" else ()
    rows = _rows(train, classes)
    _check_spread(options, rows.label, train.examples[0].label)
    validation, test = (
        _rows(_read(file, options), classes) if file else None for file in (options.validation, options.test)
    )
    return Parts(rows, validation, test, classes)


def read_user_split(options: TextOptions, split: str, classes: tuple[str, ...]) -> Rows:
    """Read one split with the classes of a run (none for scores), from its own file or held out of the training file.

    Raises:
        DataError: As `read_user_files`; and if a label is none of the classes. Labels may all be the same here.
    """
    files = {"validation": options.validation, "test": options.test}
    if own := files.get(split):
        return _rows(_read(own, options), classes, of_run=True)
    rows = _rows(_read(options.data, options), classes, of_run=True)
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
        found = [(column, _cell_fault(cell)) for column, cell in zip(columns, cells, strict=True)]
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


def _cell_fault(cell: Any) -> tuple[str, str] | None:
    """Return what is wrong with a cell, and what to do; None if it is a text or a number."""
    if isinstance(cell, (dict, list)):
        return "should be a text or a number, got a list or an object", ""
    text = _cell_text(cell)
    if not text.replace("<br />", "").replace(BREAK, " ").strip():
        return "is empty", "Fill it in, or remove the row."
    if half := next((letter for letter in text if "\ud800" <= letter <= "\udfff"), None):
        return f"holds half of a character, \\u{ord(half):04x}", "Write the text as UTF-8."
    return None


def _classes(labels: Iterable[str]) -> tuple[str, ...]:
    """Sort the distinct labels: as numbers if all are whole numbers, and those of one number, 1 and 01, as texts."""
    distinct = set(labels)
    whole = all(len(label) <= _DIGITS and label.removeprefix("-").isdecimal() for label in distinct)
    return tuple(sorted(distinct, key=lambda label: (int(label) if whole else 0, label)))


def _check_spread(options: TextOptions, label: NDArray[Any], first: str) -> None:
    """Raise DataError unless there are at least two labels, and scores are within `_WIDEST` of each other."""
    low, high = float(label.min()), float(label.max())
    if low == high:
        raise DataError(f"{options.data} has one label alone, {shorten(first)}: there is nothing to tell apart.")
    if options.labels == "scores" and high - low > _WIDEST:
        raise DataError(
            f"{options.data} has scores from {low:g} to {high:g}: they should lie within {_WIDEST} of each other. "
            "Divide all of them by the same number."
        )


def _rows(table: _Table, classes: tuple[str, ...], of_run: bool = False) -> Rows:
    texts = [example.text for example in table.examples]
    second = [example.second for example in table.examples if example.second is not None]
    return Rows(texts, _numbers(table, classes, of_run) if classes else _scores(table), second or None)


def _numbers(table: _Table, classes: tuple[str, ...], of_run: bool) -> NDArray[np.int64]:
    known, faults = set(classes), RowFaults(table.path)
    shown = ", ".join(map(shorten, classes[:20])) + (", ..." if len(classes) > 20 else "")
    for example in table.examples:
        if example.label not in known and of_run:
            faults.add(example.where, f": {unknown_class(example.label, classes)}")
        elif example.label not in known:
            label = shorten(example.label)
            faults.add(
                example.where, f": the label {label} is unknown", f"The labels of the training file are: {shown}."
            )
    faults.check()
    return class_indices([example.label for example in table.examples], classes)


def _scores(table: _Table) -> NDArray[np.float32]:
    faults, scores = RowFaults(table.path), np.zeros(len(table.examples), np.float32)
    for number, example in enumerate(table.examples):
        score = _score(example.label)
        if score is None:
            faults.add(example.where, f": a score should be a finite number, got {shorten(example.label)}")
        else:
            scores[number] = score
    faults.check()
    return scores


def _score(label: str) -> float | None:
    """Return the number that a label is; None if it is none, or not a finite float32."""
    try:
        score = float(label)
    except ValueError:
        return None
    return score if abs(score) <= _LARGEST else None
