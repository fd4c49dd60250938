"""A user's own texts, from the files and columns that the options name."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.errors import DataError
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.rows import Parts, Rows, numbered
from glimpse.envs.text.table_files import table_rows
from glimpse.envs.text.tokens import BREAK

_WIDEST = 1000
"""Of scores: the agent has a level for each whole number between the lowest and the highest one."""


class _Example(NamedTuple):
    """One labelled text, or two, and where they stand."""

    place: str
    text: str
    label: str
    second: str | None = None


def read_user_files(options: TextOptions) -> Parts:
    """Read the files that `data`, `validation` and `test` name; what is not named is held out later.

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


def _examples(file: str, options: TextOptions) -> Iterator[_Example]:
    """Every example of a file that has at least one."""
    path = Path(file.removeprefix("file:")).expanduser()
    columns = [column for column in (options.text, options.label, options.text2) if column is not None]
    place = None
    for place, cells in table_rows(path, columns, options.encoding):
        yield _Example(place, *(_text(place, *cell) for cell in zip(columns, cells, strict=True)))
    if place is None:
        raise DataError(f"{path} has no rows.")


def _text(place: str, column: str | int, cell: Any) -> str:
    """What a cell holds, which must be something."""
    if isinstance(cell, (dict, list)):
        raise DataError(f"{place}: {column!r} should be a text or a number, got {cell!r:.40}.")
    text = "" if cell is None else str(cell).strip()
    if not text.replace("<br />", "").strip(f"{BREAK} "):
        raise DataError(f"{place}: column {column!r} is empty. Fill it in, or remove the row.")
    return text


def _classes(labels: Iterable[str]) -> tuple[str, ...]:
    distinct = set(labels)
    whole = all(label.removeprefix("-").isdecimal() for label in distinct)
    return tuple(sorted(distinct, key=int if whole else None))


def _check_spread(options: TextOptions, label: NDArray[Any], first: str) -> None:
    """There are two labels at least; and scores are not so far apart that a level for each whole number is too much."""
    low, high = float(label.min()), float(label.max())
    if low == high:
        raise DataError(f"{options.data} has one label alone, {first!r}: there is nothing to tell apart.")
    if options.labels == "scores" and high - low > _WIDEST:
        raise DataError(
            f"{options.data} has scores from {low:g} to {high:g}: they should lie within {_WIDEST} of each other. "
            "Divide all of them by the same number."
        )


def _rows(examples: list[_Example], classes: tuple[str, ...]) -> Rows:
    texts = [example.text for example in examples]
    second = [example.second for example in examples if example.second is not None]
    label = _numbers(examples, classes) if classes else _scores(examples)
    return Rows(texts, label, second or None)


def _numbers(examples: list[_Example], classes: tuple[str, ...]) -> NDArray[np.int64]:
    known = set(classes)
    for example in examples:
        if example.label not in known:
            shown = ", ".join(map(repr, classes[:20])) + (", ..." if len(classes) > 20 else "")
            raise DataError(
                f"{example.place}: the label {example.label!r} is unknown; those of the training file are: {shown}."
            )
    return numbered([example.label for example in examples], classes)


def _scores(examples: list[_Example]) -> NDArray[np.float32]:
    return np.array([_score(example) for example in examples], np.float32)


def _score(example: _Example) -> float:
    try:
        score = float(example.label)
    except ValueError:
        score = float("nan")
    if not np.isfinite(score):
        raise DataError(f"{example.place}: a score should be a finite number, got {example.label!r}.")
    return score
