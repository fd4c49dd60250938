"""Reader of a user's own texts, from the files and columns that the options name."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.meaning import unknown_class
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.rows import Parts, Rows, class_indices
from glimpse.envs.text.table_files import table_rows
from glimpse.envs.text.tokens import BREAK

_WIDEST = 1000
"""Greatest range of scores: an agent has an output for each whole number between the lowest and the highest."""


class _Example(NamedTuple):
    """One labelled text or pair of texts; `row` names its file, line and row for errors."""

    row: str
    text: str
    label: str
    second: str | None = None


def read_user_files(options: TextOptions) -> Parts:
    """Read the files that `data`, `validation` and `test` name; a part without a file is None.

    Classes are the labels of the training file, sorted: as numbers if all are whole numbers.

    Raises:
        DataError: A file cannot be read as a table (see `table_rows`), or has no rows; a text or a label is empty; a
            score is no number; all training labels are the same, or scores are too far apart; a label of validation
            or test is not one of the training file.
    """
    train = list(_examples(options.data, options))
    classes = _classes(example.label for example in train) if options.labels == "classes" else ()
    rows = _rows(train, classes)
    _check_spread(options, rows.label, train[0].label)
    validation, test = (
        _rows(list(_examples(file, options)), classes) if file else None for file in (options.validation, options.test)
    )
    return Parts(rows, validation, test, classes)


def read_user_split(options: TextOptions, split: str, classes: tuple[str, ...]) -> Rows:
    """Read one split with the classes of a run (none for scores), from its own file or held out of the training file.

    Raises:
        DataError: As `read_user_files`; and if a label is none of the classes. Labels may all be the same here.
    """
    files = {"validation": options.validation, "test": options.test}
    if own := files.get(split):
        return _rows(list(_examples(own, options)), classes, of_run=True)
    rows = _rows(list(_examples(options.data, options)), classes, of_run=True)
    # A split with a file of its own is not held out.
    validation, test = (rows.take(np.arange(0)) if file else None for file in files.values())
    chosen: Rows = getattr(Parts(rows, validation, test, classes).divide(options.fold, options.data), split)
    return chosen


def _examples(file: str, options: TextOptions) -> Iterator[_Example]:
    """Yield every example of a file; raises DataError if it has none."""
    path = user_path(file.removeprefix("file:"), "the table of texts")
    columns = [column for column in (options.text, options.label, options.text2) if column is not None]
    row = None
    for row, cells in table_rows(path, columns, options.encoding):
        yield _Example(row, *(_text(row, *cell) for cell in zip(columns, cells, strict=True)))
    if row is None:
        raise DataError(f"{path} has no rows.")


def _text(row: str, column: str | int, cell: Any) -> str:
    """Return the text of a cell; raises DataError if it is empty."""
    if isinstance(cell, (dict, list)):
        raise DataError(f"{row}: {column!r} should be a text or a number, got {cell!r:.40}.")
    text = "" if cell is None else str(cell).strip()
    if not text.replace("<br />", "").strip(f"{BREAK} "):
        raise DataError(f"{row}: column {column!r} is empty. Fill it in, or remove the row.")
    return text


def _classes(labels: Iterable[str]) -> tuple[str, ...]:
    distinct = set(labels)
    whole = all(label.removeprefix("-").isdecimal() for label in distinct)
    return tuple(sorted(distinct, key=int if whole else None))


def _check_spread(options: TextOptions, label: NDArray[Any], first: str) -> None:
    """Raise DataError unless there are at least two labels, and scores are within `_WIDEST` of each other."""
    low, high = float(label.min()), float(label.max())
    if low == high:
        raise DataError(f"{options.data} has one label alone, {first!r}: there is nothing to tell apart.")
    if options.labels == "scores" and high - low > _WIDEST:
        raise DataError(
            f"{options.data} has scores from {low:g} to {high:g}: they should lie within {_WIDEST} of each other. "
            "Divide all of them by the same number."
        )


def _rows(examples: list[_Example], classes: tuple[str, ...], of_run: bool = False) -> Rows:
    texts = [example.text for example in examples]
    second = [example.second for example in examples if example.second is not None]
    label = _numbers(examples, classes, of_run) if classes else _scores(examples)
    return Rows(texts, label, second or None)


def _numbers(examples: list[_Example], classes: tuple[str, ...], of_run: bool) -> NDArray[np.int64]:
    known = set(classes)
    for example in examples:
        if example.label not in known:
            if of_run:
                raise DataError(f"{example.row}: {unknown_class(example.label, classes)}.")
            shown = ", ".join(map(repr, classes[:20])) + (", ..." if len(classes) > 20 else "")
            raise DataError(
                f"{example.row}: the label {example.label!r} is unknown; those of the training file are: {shown}."
            )
    return class_indices([example.label for example in examples], classes)


def _scores(examples: list[_Example]) -> NDArray[np.float32]:
    return np.array([_score(example) for example in examples], np.float32)


def _score(example: _Example) -> float:
    try:
        score = float(example.label)
    except ValueError:
        score = float("nan")
    if not np.isfinite(score):
        raise DataError(f"{example.row}: a score should be a finite number, got {example.label!r}.")
    return score
