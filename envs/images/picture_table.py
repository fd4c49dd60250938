"""Reader of a table of pictures: a column with their files, relative to the table, and a column of labels.

Pictures are decoded as those of folders by class; see `image_folder`.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.decoded_pictures import RESIDENT_MB, Keeping, canvas_of, decode_pictures
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.image_folder import kept_canvas
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.options import Column, LabelKindName
from glimpse.envs.text.label_columns import (
    check_labels_differ,
    check_same_kind,
    classes_in,
    number_labels,
    score_range,
)
from glimpse.envs.text.labelled_rows import LabelledTable, read_labelled_rows
from glimpse.envs.text.row_faults import RowFaults, shorten
from glimpse.envs.text.rows import Parts, Rows

_SPLITS = ("train", "validation", "test")


class TableChoice(NamedTuple):
    """What is read: the tables, by the split that they are, their columns, and what labels are."""

    train: Path
    validation: Path | None
    test: Path | None
    picture: Column
    label: Column
    labels: LabelKindName
    image_size: tuple[int, int] | None
    keeping: Keeping


def load_picture_table(
    options: ClassificationOptions, split: str, meaning: PictureMeaning | None, resident_mb: int = RESIDENT_MB
) -> ImageData:
    """Load one split of a table of pictures, on the CPU.

    A split without a table of its own is a fixed tenth of the training table.

    Args:
        options: The task, whose `data` is file:TABLE.
        split: `train`, `validation` or `test`.
        meaning: What labels mean in a run, and the shape of its pictures; by default as the tables say.
        resident_mb: Megabytes of pictures of the split that may be in memory; of more, the cache is read.

    Raises:
        DataError: A table or a picture is missing or damaged, a label is unknown or of another kind than the run's, or
            pictures do not fit the run's.
    """
    named = {"train": options.data, "validation": options.validation, "test": options.test}
    paths = {
        name: None if file is None else user_path(file.removeprefix("file:"), f"task.{name}")
        for name, file in named.items()
    }
    train = paths["train"]
    assert train is not None and split in _SPLITS
    choice = TableChoice(
        train,
        paths["validation"],
        paths["test"],
        options.picture,
        options.label,
        options.labels,
        options.image_size,
        Keeping(SearchPath.of(None).cache, resident_mb * 10**6),
    )
    before = _splits.recall(choice, None, split)
    same = before is not None and meaning is not None and _meant(before) == meaning
    return _splits(choice, None if same else meaning, split)


def _meant(data: ImageData) -> PictureMeaning:
    """Return the meaning of data that were read by themselves."""
    channels, height, width = data.images.shape[1:]
    labels = "many" if data.labels.dim() > 1 else "one"
    return PictureMeaning(classes=data.classes, scores=data.scores, labels=labels, shape=(channels, height, width))


@CachedReader
def _splits(choice: TableChoice, meaning: PictureMeaning | None, split: str) -> ImageData:
    """Read the tables, and decode the pictures of one split."""
    what = str(choice.train)
    if meaning is not None:
        check_same_kind(choice.labels, meaning.label_kind_name, what)
    tables = {name: _table(path, choice) for name, path in zip(_SPLITS, choice[:3], strict=True) if path is not None}
    if meaning is None:
        classes = classes_in(tables["train"].labels, choice.labels)
        rows = {name: _rows(table, choice.labels, classes) for name, table in tables.items()}
        check_labels_differ(what, choice.labels, rows["train"].label, tables["train"].rows[0].label)
        scores = score_range(rows["train"].label) if choice.labels == "scores" else None
    else:
        classes, scores = meaning.classes, meaning.scores
        own = split if split in tables else "train"  # Other tables of a run are not asked for their labels.
        rows = {own: _rows(tables[own], choice.labels, classes, of_run=True)}
    chosen = _rows_of(split, rows, tables.keys(), classes, what)
    canvas = canvas_of(sorted({Path(row.value) for table in tables.values() for row in table.rows}), choice.keeping)
    if meaning is not None:
        canvas = kept_canvas(canvas, meaning.shape, choice.image_size, choice.train, "the run has")
    files = [Path(file) for file in chosen.text]
    names = [_name(file, choice.train.parent) for file in files]
    images = decode_pictures(choice.train, split, files, names, canvas, choice.image_size, choice.keeping)
    shown = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    return ImageData(shown, torch.from_numpy(chosen.label), classes, scores)


def _table(path: Path, choice: TableChoice) -> LabelledTable:
    """Read a table, with whole paths of its pictures; raises DataError if rows are faulty, or pictures are missing."""
    columns = [choice.picture, choice.label]
    table = read_labelled_rows(
        path, columns, "utf-8", choice.labels == "many", "task.picture=COLUMN and task.label=COLUMN"
    )
    faults, rows = RowFaults(path), []
    for row in table.rows:
        file = path.parent / row.value
        if not _is_file(file):
            faults.add(row.where, f": there is no picture {shorten(row.value, 200)}", f"Paths begin at {path.parent}.")
        rows.append(row._replace(value=str(file)))
    faults.check()
    return LabelledTable(path, rows)


def _is_file(path: Path) -> bool:
    """Return whether a path is that of a file; one that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _rows(table: LabelledTable, kind: LabelKindName, classes: tuple[str, ...], of_run: bool = False) -> Rows:
    """Return the files of a table, with their labels as numbers."""
    return Rows([row.value for row in table.rows], number_labels(table.labels, kind, classes, of_run))


def _rows_of(split: str, rows: Mapping[str, Rows], given: Collection[str], classes: tuple[str, ...], what: str) -> Rows:
    """Return the rows of a split: its own table's, or those that are held out of training for it.

    Args:
        split: The split.
        rows: Rows of the tables that were read.
        given: Splits that have a table of their own, which are not held out.
        classes: The classes.
        what: Names the data in an error.
    """
    if split != "train" and split in rows:
        return rows[split]
    train = rows["train"]
    validation, test = (train.take(np.arange(0)) if name in given else None for name in ("validation", "test"))
    chosen: Rows = getattr(Parts(train, validation, test, classes).divide(0, what), split)
    return chosen


def _name(file: Path, folder: Path) -> str:
    """Return the name by which a picture is noted: within the table's folder, or its own where it is elsewhere."""
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
