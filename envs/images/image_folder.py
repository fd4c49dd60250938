"""Reader of images in folders by class: PATH/train/CLASS/*, PATH/test/CLASS/*, and PATH/val/CLASS/* if it is there.

Images may have any size and colours; see `picture_files`. All become RGB unless all are grey. Images of different sizes
are centred on black canvases of the largest height and the largest width of all parts, unless they are resized.
"""

from operator import attrgetter
from pathlib import Path
from typing import Literal

import numpy as np

from glimpse.envs.data.file_digests import note_folder
from glimpse.envs.errors import DataError
from glimpse.envs.images.decoded_pictures import IN_MEMORY, Canvas, Keeping, canvas_of, decode_pictures
from glimpse.envs.images.folder_parts import refuse_other_layout, validation_folder
from glimpse.envs.images.labelled_images import Pictures

LAYOUT = "Expected PATH/train/CLASS/* and PATH/test/CLASS/* with the same classes in both."

Shape = tuple[int, int, int]
FolderPart = Literal["train", "validation", "test"]


def read_image_folder(
    path: Path,
    part: FolderPart,
    image_size: tuple[int, int] | None = None,
    shape: Shape | None = None,
    keeping: Keeping = IN_MEMORY,
) -> Pictures:
    """Decode one part of an image folder; classes are the sorted names of the folders in `train`.

    Args:
        path: The folder that holds `train`, `test`, and perhaps a validation folder (see `validation_folder`).
        part: The part to decode. Sizes and colours of all parts decide the shape, so that all have the same.
        image_size: Stretch each picture to this (height, width) in pixels.
        shape: (channels, height, width) of a run's pictures, which these should have too, or any height and width
            where it has 0; then the other part may be missing, and classes are the folders of this part. Where all
            parts are missing, those of `path` itself are.
        keeping: Where the pictures are kept if they are many.

    Raises:
        DataError: A folder is missing or empty, the parts' classes differ, a file is no readable image, or pictures
            do not fit `shape`.
    """
    note_folder(path)
    if shape is None or not path.is_dir():
        refuse_other_layout(path, LAYOUT)
    held = validation_folder(path)
    parts = {"train": path / "train", "test": path / "test"} | ({"validation": held} if held else {})
    if shape is not None:
        there = {name: folder for name, folder in parts.items() if folder.is_dir()}
        parts = {part: parts[part], **there} if there or not path.is_dir() else {part: path}
    files = {name: files_by_class(folder) for name, folder in parts.items()}
    if shape is None and (unequal := files["train"].keys() ^ files["test"].keys()):
        only_in = "train" if min(unequal) in files["train"] else "test"
        raise DataError(f"{path}: class {min(unequal)!r} is in {only_in} only. {LAYOUT}")
    classes = tuple(files[part if shape is not None else "train"])
    if unknown := set(files[part]) - set(classes):
        raise DataError(f"{path}: class {min(unknown)!r} is in {parts[part].name} and not in train. Move or rename it.")
    canvas = canvas_of([file for by_class in files.values() for group in by_class.values() for file in group], keeping)
    if shape is not None:
        canvas = kept_canvas(canvas, shape, image_size, path, "the run has")
    return _decoded_pictures(path, parts[part].name, files[part], classes, canvas, image_size, "", keeping)


def read_validation_pictures(
    path: Path,
    classes: tuple[str, ...],
    shape: Shape,
    image_size: tuple[int, int] | None,
    keeping: Keeping = IN_MEMORY,
) -> Pictures:
    """Decode pictures in folders by class, PATH/CLASS/*, to be validation data of other pictures.

    Args:
        path: The folder that holds the class folders; a class may be missing.
        classes: The classes of the training data.
        shape: (channels, height, width) of their pictures, which these should have too.
        image_size: Stretch each picture to this (height, width) in pixels.
        keeping: Where the pictures are kept if they are many.

    Raises:
        DataError: The folder is missing or empty, there is another class, a file is no readable image, or pictures do
            not fit `shape`.
    """
    note_folder(path)
    files = files_by_class(path, "Expected task.validation: folder:PATH with PATH/CLASS/*.")
    if unknown := set(files) - set(classes):
        named = ", ".join(map(repr, classes[:20])) + (", ..." if len(classes) > 20 else "")
        raise DataError(
            f"{path}: class {min(unknown)!r} is none of the training data, whose classes are {named}. Rename it."
        )
    found = canvas_of([file for group in files.values() for file in group], keeping)
    canvas = kept_canvas(found, shape, image_size, path, "the training data have")
    return _decoded_pictures(path, "validation", files, classes, canvas, image_size, f"{path.name}/", keeping)


def _decoded_pictures(
    path: Path,
    part: str,
    files: dict[str, list[Path]],
    classes: tuple[str, ...],
    canvas: Canvas,
    image_size: tuple[int, int] | None,
    prefix: str,
    keeping: Keeping,
) -> Pictures:
    """Decode files by class, each at the centre of the canvas; their names are noted with a prefix."""
    labelled = [(file, label) for label, name in enumerate(classes) for file in files.get(name, ())]
    names = [prefix + file.relative_to(path).as_posix() for file, _ in labelled]
    images = decode_pictures(path, part, [file for file, _ in labelled], names, canvas, image_size, keeping)
    return Pictures(images, np.array([label for _, label in labelled]), classes)


def files_by_class(part: Path, layout: str = LAYOUT) -> dict[str, list[Path]]:
    """Return the files of each class folder, both sorted by name; hidden ones (.DS_Store) are skipped."""
    if not part.is_dir():
        raise DataError(f"{part} is not a folder. {layout}")
    note_folder(part)
    entries = [entry for entry in part.iterdir() if not entry.name.startswith(".")]
    folders = sorted(entry for entry in entries if entry.is_dir())
    if not folders:
        flat = f"{len(entries):,} file{'s' * (len(entries) != 1)} and " if entries else ""
        raise DataError(f"{part} holds {flat}no class folders. {layout}")
    by_name = attrgetter("name")  # Paths themselves are slow to compare.
    files = {
        folder.name: sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=by_name)
        for folder in folders
    }
    for folder in folders:
        note_folder(folder)
        for entry in (folder, *files[folder.name]):
            _refuse_odd_name(entry)
        if not files[folder.name]:
            raise DataError(f"{folder} holds no images. Add some, or remove the class from train and test.")
    return files


def kept_canvas(found: Canvas, shape: Shape, image_size: tuple[int, int] | None, path: Path, others: str) -> Canvas:
    """Return the canvas of a run, or of other data; smaller pictures are centred on it if they have several sizes.

    Raises:
        DataError: Pictures are larger or coloured, or all have another size.
    """
    channels, height, width = shape
    height, width = height or found.height, width or found.width
    of_run = others == "the run has"
    what = f"{path}: {others} pictures of {height} x {width} pixels in {'grey' if channels == 1 else 'colour'}"
    remedy = f"Convert the pictures to {'those of the run' if of_run else 'these'}"
    if channels == 1 and not found.grey:
        raise DataError(f"{what}, and some of these are coloured. {remedy}{', or train a new run' * of_run}.")
    larger = found.height > height or found.width > width
    other = found.one_size and (found.height, found.width) != (height, width)
    if image_size is None and (larger or other):
        stretch = f"stretch them by task.image_size=[{height},{width}]"
        raise DataError(f"{what}, and these have {found.height} x {found.width}. {remedy}, or {stretch}.")
    return Canvas(height, width, channels == 1, found.one_size)


def _refuse_odd_name(entry: Path) -> None:
    """Refuse a name of a class or a picture that cannot be printed and kept as text."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{ascii(str(entry))} has a name that is not UTF-8: rename it.") from None
    if not entry.name.isprintable():
        raise DataError(f"{str(entry)!r} has a name with a line break or another control character: rename it.")
