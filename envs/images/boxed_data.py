"""Pictures with boxes of objects: by name, or in a user's folder with VOC's XML or COCO's JSON.

Axes: N pictures, M boxes of a picture.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.data.file_digests import CachedReader, note_folder
from glimpse.envs.data.registry import BOXED_SETS
from glimpse.envs.data.sources import SearchPath, read_files, unknown_name_error
from glimpse.envs.data.splits import hold_out
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.images.box_files import Box, BoxedFile, clipped, read_coco, read_voc
from glimpse.envs.images.picture_store import PictureStore, measure_pictures, read_store, store_pictures

Split = Literal["train", "validation", "test"]
_NAMES: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}
"""Names that the files of a split may have."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ".bmp", ".tif", ".tiff", ".webp")
_EXPECTED = (
    "Expected VOC's Annotations/*.xml and JPEGImages/* (with ImageSets/Main/train.txt and so on, or a fifth of the "
    "pictures each is held out), or COCO's train.json, val.json and test.json (also in annotations/)"
)


@dataclass(frozen=True)
class BoxedPictures:
    """Pictures, with the boxes of each by the name of the object.

    Attributes:
        store: The pictures, each in its own size.
        boxes: Boxes (left, top, right, bottom) in pixels, of each picture.
    """

    store: PictureStore
    boxes: tuple[dict[str, list[Box]], ...]

    @classmethod
    def of_arrays(cls, pictures: Sequence[NDArray[np.uint8]], boxes: Sequence[dict[str, list[Box]]]) -> "BoxedPictures":
        """Return pictures (C, H, W) with their boxes."""
        sizes = [(one.shape[1], one.shape[2]) for one in pictures]
        return cls(store_pictures(pictures, sizes, pictures[0].shape[0]), tuple(boxes))


@dataclass(frozen=True)
class FindData:
    """One split, for one kind of object. Its tensors are shared by all callers: never change them in place.

    Attributes:
        store: The pictures, each in its own size.
        example: (E,) int64, the pictures that show the object.
        boxes: (E, M, 4) float32, left, top, right and bottom of its boxes, in locations in [-1, 1]; those with fewer
            boxes repeat their first.
    """

    store: PictureStore
    example: Tensor
    boxes: Tensor


def load_boxed(data: str, thing: str | None, split: Split, root: str | None, download: bool) -> FindData:
    """Load one split.

    Args:
        data: A name in `glimpse.envs.data.registry.BOXED_SETS`, or "folder:PATH".
        thing: Name of the object; None for objects of any name.
        split: The split.
        root: Data folder; GLIMPSE_DATA by default.
        download: Whether missing files may be downloaded.

    Raises:
        DataError: A file is missing or damaged, or no picture shows the object.
    """
    pictures, path = _pictures(data, split, root, download)
    return _of_object(pictures, thing, path, split)


def _pictures(data: str, split: Split, root: str | None, download: bool) -> tuple[BoxedPictures, str]:
    """Return all pictures of a split, and what they are called in errors."""
    kind, _, name = data.partition(":")
    if kind == "folder" and name:
        path = user_path(name, "task.data")
        return _of_folder(path, split), str(path)
    if data not in BOXED_SETS:
        raise unknown_name_error(data, [*BOXED_SETS, "folder:PATH"], "data set of boxes")
    known = BOXED_SETS[data]
    if known.files is None:
        return resolve_name(known.read)(known, split), data
    search_path = SearchPath.of(root)
    copies = read_files(known.files, list(known.files.md5), search_path, download=download)
    found = dict(zip(known.files.md5, (path for path, _ in copies), strict=True))
    path = next(path.parents[file.count("/")] for file, path in found.items())
    return _of_folder(path, split), data


@CachedReader
def _of_folder(path: Path, split: Split) -> BoxedPictures:
    """Read one split of a folder of either kind."""
    note_folder(path)
    listed = _listed(path, split)
    files = [one.file for one in listed]
    if missing := next((file for file in files if not file.is_file()), None):
        raise DataError(f"{missing} is not there, and {path} has boxes of it. Add it, or remove its boxes.")
    sizes, _ = measure_pictures(files)
    store = read_store(path, files, sizes, _channels(path))
    boxes = []
    for one, size in zip(listed, sizes, strict=True):
        inside = {name: [clipped(box, *size) for box in given] for name, given in one.boxes.items()}
        boxes.append({name: [box for box in given if box is not None] for name, given in inside.items()})
    return BoxedPictures(store, tuple(boxes))


def _listed(path: Path, split: Split) -> list[BoxedFile]:
    """Return the pictures of a split of a folder of either kind."""
    return _voc_files(path, split) if (path / "Annotations").is_dir() else _coco_files(path, split)


def _channels(path: Path) -> int:
    """Return 1 if the pictures of all splits that are there are grey, else 3."""
    files: list[Path] = []
    for split in _NAMES:
        with suppress(DataError):  # Where the split is asked for, the error says what is wrong with it.
            files += [one.file for one in _listed(path, cast(Split, split)) if one.file.is_file()]
    return 1 if measure_pictures(files)[1] else 3


def _voc_files(path: Path, split: Split) -> list[BoxedFile]:
    """Return the pictures of a split of a folder with VOC's XML files."""
    lists = [path / "ImageSets" / "Main" / f"{name}.txt" for name in _NAMES[split]]
    given = next((one for one in lists if one.is_file()), None)
    if given is not None:
        stems = [line.split()[0] for line in given.read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        every = sorted(file.stem for file in (path / "Annotations").glob("*.xml"))
        stems = [every[number] for number in _held_out(len(every), split, path)]
    folder = path / "JPEGImages"
    folder = folder if folder.is_dir() else path
    if odd := next((stem for stem in stems if Path(stem).name != stem), None):
        raise DataError(f"{given}: {odd!r} is no name of a picture without its ending.")
    return [BoxedFile(_picture(folder, stem), read_voc(path / "Annotations" / f"{stem}.xml")) for stem in stems]


def _picture(folder: Path, stem: str) -> Path:
    """Return the picture with this name and any of the usual endings."""
    found = (folder / f"{stem}{ending}" for ending in _ENDINGS)
    return next((file for file in found if file.is_file()), folder / f"{stem}.jpg")


def _coco_files(path: Path, split: Split) -> list[BoxedFile]:
    """Return the pictures of a split of a folder with COCO's JSON files."""
    places = [(path / f"{name}.json", path / name) for name in _NAMES[split]]
    places += [(path / "annotations" / f"{name}.json", path / name) for name in _NAMES[split]]
    places += [(path / "annotations" / f"instances_{name}.json", path / name) for name in _NAMES[split]]
    places += [(path / name / "_annotations.coco.json", path / name) for name in _NAMES[split]]
    for listed, own in places:
        if listed.is_file():
            folders = [folder for folder in (own, path / "images", path) if folder.is_dir()]
            return [BoxedFile(_inside(folders, name, listed), boxes) for name, boxes in read_coco(listed)]
    raise DataError(f"{path} has no boxes of the split {split!r}. {_EXPECTED}.")


def _inside(folders: list[Path], name: str, listed: Path) -> Path:
    """Return the file of this name in the first folder that has it; it must not lie outside of them."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{listed}: the picture {name!r} lies outside of the data. Name it relative to them.")
    return next((folder / name for folder in folders if (folder / name).is_file()), folders[-1] / name)


def _held_out(count: int, split: Split, path: Path) -> list[int]:
    """Return the numbers of the pictures of a split where none are named: a fifth each is held out of training."""
    rest, test = hold_out(count, 5, str(path))
    kept, validation = hold_out(len(rest), 4, str(path))
    chosen = {"train": rest[kept], "validation": rest[validation], "test": test}[split]
    return [int(number) for number in chosen]


def _of_object(pictures: BoxedPictures, thing: str | None, path: str, split: Split) -> FindData:
    """Return the pictures that show an object, and its boxes as locations."""
    of_thing = [[box for name, some in one.items() if thing in (None, name) for box in some] for one in pictures.boxes]
    example = [number for number, boxes in enumerate(of_thing) if boxes]
    if not example:
        names = sorted({name for one in pictures.boxes for name in one})
        raise DataError(
            f"{path} has no box of {thing!r} in {split}; there are {', '.join(map(repr, names)) or 'none'}."
        )
    most = max(len(of_thing[number]) for number in example)
    filled = [of_thing[number] + of_thing[number][:1] * (most - len(of_thing[number])) for number in example]
    shown = torch.tensor(example)
    sides = pictures.store.table.sides[shown].repeat(1, 2)[:, None].float()
    return FindData(pictures.store, shown, torch.tensor(filled) / sides * 2 - 1)
