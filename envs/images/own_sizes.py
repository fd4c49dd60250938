"""Reader of a folder of images by class whose pictures keep their own height and width; see `image_folder`."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from glimpse.envs.data.file_digests import CachedReader, note_folder
from glimpse.envs.data.kept_classes import class_of_folder, number_as_kept
from glimpse.envs.data.splits import hold_out
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.images.folder_parts import refuse_other_layout, validation_folder
from glimpse.envs.images.image_folder import LAYOUT, files_by_class
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.picture_store import StoredImageData, measure_pictures, read_store, store_pictures
from glimpse.envs.text.label_columns import check_same_kind

Split = Literal["train", "validation", "test"]


def load_own_sizes(
    data: str, validation: str | None, split: Split, meaning: PictureMeaning | None = None
) -> StoredImageData:
    """Load one split of a folder of images, on the CPU.

    Args:
        data: "folder:PATH", with PATH/train/CLASS/*, PATH/test/CLASS/*, and perhaps PATH/val/CLASS/*; without a
            validation part, a tenth of the training pictures is held out, as of other folders.
        validation: "folder:PATH" with PATH/CLASS/*, the validation part; None for that of `data`.
        split: The split.
        meaning: The classes, in their order, and the channels of pictures of a run; by default those of the data.

    Raises:
        DataError: A folder or a picture is missing or damaged, or a class is none of the run's.
    """
    path = user_path(data.removeprefix("folder:"), "task.data")
    own = None if validation is None else user_path(validation.removeprefix("folder:"), "task.validation")
    return _read(path, own, split, meaning)


def no_pictures(meaning: PictureMeaning) -> StoredImageData:
    """Return data of a run without pictures."""
    store = store_pictures([], [], meaning.shape[0])
    return StoredImageData(store.thumbnails, meaning.kind.no_labels(0), meaning.classes, meaning.scores, store)


@CachedReader
def _read(path: Path, validation: Path | None, split: Split, meaning: PictureMeaning | None) -> StoredImageData:
    """Read one split; the classes are the folders of `train`, and colours of all parts decide the channels."""
    note_folder(path)
    if meaning is None or not path.is_dir():
        refuse_other_layout(path, LAYOUT)
    held = validation or validation_folder(path)
    parts = {"train": path / "train", "test": path / "test"} | ({"validation": held} if held else {})
    if meaning is not None:
        check_same_kind("classes", meaning.label_kind_name, str(path))
        parts = {name: folder for name, folder in parts.items() if folder.is_dir()} or {split: path}
    by_class = {name: files_by_class(folder) for name, folder in parts.items()}
    listed = {
        name: [(file, kind) for kind, group in found.items() for file in group] for name, found in by_class.items()
    }
    chosen = split if split in listed else "train"
    if chosen not in listed:
        raise DataError(f"{path} has no part {split!r}. Expected PATH/train/CLASS/* and PATH/test/CLASS/*.")
    classes = meaning.classes if meaning is not None else tuple(by_class["train"])
    if meaning is None and (unknown := {kind for rows in listed.values() for _, kind in rows} - set(classes)):
        raise DataError(f"{path}: class {min(unknown)!r} is not in train. Move or rename it.")
    grey = measure_pictures([file for rows in listed.values() for file, _ in rows])[1]
    channels = meaning.shape[0] if meaning is not None else 1 if grey else 3
    if channels == 1 and not grey:
        raise DataError(f"{path}: the run has grey pictures, and some of these are coloured. Convert them.")
    rows = listed[chosen]
    if "validation" not in listed and split != "test":
        kept, held_out = hold_out(len(rows), 10, f"folder:{path}")
        rows = [rows[number] for number in (held_out if split == "validation" else kept)]
    files = [file for file, _ in rows]
    named = tuple(sorted({kind for _, kind in rows}))
    label = np.array([named.index(kind) for _, kind in rows])
    labels = number_as_kept(label, [class_of_folder(name, classes) for name in named], classes, str(path))
    store = read_store(path, files, measure_pictures(files)[0], channels)
    return StoredImageData(store.thumbnails, torch.from_numpy(labels), classes, None, store)
