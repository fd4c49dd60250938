"""Reader of a user's own texts, from the files and columns that the options name."""

import numpy as np

from glimpse.envs.data.user_paths import user_path
from glimpse.envs.text.label_columns import check_labels_differ, check_same_kind, classes_in, number_labels
from glimpse.envs.text.labelled_rows import LabelledTable, read_labelled_rows
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.rows import Parts, Rows
from glimpse.envs.text.text_meaning import TextMeaning


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
    check_labels_differ(options.data, options.labels, rows.label, train.rows[0].label)
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


def _read(file: str, options: TextOptions) -> LabelledTable:
    """Read every example of a file; raises DataError if rows are faulty, or there are none."""
    path = user_path(file.removeprefix("file:"), "the table of texts")
    columns = [column for column in (options.text, options.label, options.text2) if column is not None]
    named = "task.text=COLUMN, task.label=COLUMN (and task.text2=COLUMN)"
    return read_labelled_rows(path, columns, options.encoding, options.labels == "many", named)


def _rows(table: LabelledTable, options: TextOptions, classes: tuple[str, ...], of_run: bool = False) -> Rows:
    texts, second = [row.value for row in table.rows], [text for row in table.rows for text in row.more]
    return Rows(texts, number_labels(table.labels, options.labels, classes, of_run), second or None)
