"""Photographs in which something is hidden: a user's folder, the folder `photos` of the data, or scikit-learn's two."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.envs.data.file_digests import CachedReader, note_folder
from glimpse.envs.data.scikit_learn_files import scikit_learn_file
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.images.folder_parts import validation_folder
from glimpse.envs.images.picture_store import PictureStore, measure_pictures, read_store, store_pictures

Split = Literal["train", "validation", "test"]
_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
_SHARE = 5
"""Of so many photographs one is for validation and one for testing."""


def load_photographs(named: str, split: Split, root: str | None, longest: int) -> PictureStore:
    """Load the photographs of one split, in colours, each in its own size. No two splits have one in common.

    Args:
        named: "folder:PATH", with PATH/train/*, PATH/val/* and PATH/test/*, or with pictures of which a fifth is held
            out for validation and a fifth for testing; "photos", such a folder of this name in the data folder or the
            cache; "scikit-learn", its two; or "auto", photos if they are there, else scikit-learn's.
        split: The split.
        root: Data folder; GLIMPSE_DATA by default.
        longest: Photographs whose longer side has more pixels are reduced to this.

    Raises:
        DataError: There are none, or too few, or one cannot be read.
    """
    kind, _, path = named.partition(":")
    if kind == "folder":
        return _of_folder(user_path(path, "task.photographs"), split, longest)
    search_path = SearchPath.of(root)
    places = [folder / "photos" for folder in (search_path.named, search_path.cache) if folder is not None]
    found = next((place for place in places if place.is_dir()), None)
    if found is not None and named != "scikit-learn":
        return _of_folder(found, split, longest)
    if named == "photos":
        tried = " and ".join(map(str, places))
        raise DataError(f"photos was found nowhere: there is no folder {tried}. Use task.photographs=folder:PATH.")
    return _of_scikit_learn(split)


@CachedReader
def _of_folder(path: Path, split: Split, longest: int) -> PictureStore:
    """Read one split of a folder."""
    held = validation_folder(path) if (path / "train").is_dir() else None
    parts = {"train": path / "train", "validation": held or path / "val", "test": path / "test"}
    divided = (path / "train").is_dir()
    files = _files(parts[split] if divided else path)
    if not divided:
        if len(files) < _SHARE:
            raise DataError(f"{path} has {len(files)} photographs; expected {_SHARE} or more, or PATH/train and so on.")
        place = {"validation": (_SHARE - 2,), "test": (_SHARE - 1,), "train": range(_SHARE - 2)}[split]
        files = [file for number, file in enumerate(files) if number % _SHARE in place]
    return read_store(path, files, measure_pictures(files)[0], 3, longest)


def _files(folder: Path) -> list[Path]:
    """Return the pictures of a folder, by name."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Expected photographs in it.")
    note_folder(folder)
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _ENDINGS and file.name[0] != ".")
    if not files:
        raise DataError(f"{folder} has no pictures ({', '.join(sorted(_ENDINGS))}). Expected photographs in it.")
    return files


@CachedReader
def _of_scikit_learn(split: Split) -> PictureStore:
    """Return scikit-learn's photographs: the temple for training, and a half of the flower for each other split."""
    temple, flower = (_colours(scikit_learn_file(f"images/{name}.jpg")) for name in ("china", "flower"))
    half = flower.shape[2] // 2
    shown: NDArray[np.uint8] = {"train": temple, "validation": flower[..., :half], "test": flower[..., half:]}[split]
    return store_pictures([shown], [(shown.shape[1], shown.shape[2])], 3)


def _colours(file: Path) -> NDArray[np.uint8]:
    """Return a picture in colours, (3, H, W)."""
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def no_photographs() -> PictureStore:
    """Return a store without pictures."""
    return store_pictures([], [], 3)
