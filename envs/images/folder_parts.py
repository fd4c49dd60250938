"""Parts of a folder of pictures: `train`, `test`, and perhaps validation pictures beside them."""

from pathlib import Path

from glimpse.envs.errors import DataError

_VALIDATION = ("val", "validation", "valid", "dev")
"""Names that a folder of validation pictures may have."""


def validation_folder(path: Path) -> Path | None:
    """Return the folder of validation pictures beside `train`; None if there is none.

    Raises:
        DataError: There are several.
    """
    found = [path / name for name in _VALIDATION if (path / name).is_dir()]
    if len(found) > 1:
        named = " and ".join(folder.name for folder in found)
        raise DataError(f"{path} has several folders of validation pictures, {named}. Leave one of them.")
    return found[0] if found else None


def refuse_other_layout(path: Path, layout: str) -> None:
    """Refuse a folder without `train` and `test`, and say what it holds instead.

    Args:
        path: The folder that `task.data` names.
        layout: A sentence that says what is expected.

    Raises:
        DataError: There is no such folder, or one of its parts is missing.
    """
    if not path.is_dir():
        raise DataError(f"{path} is {'a file' if path.exists() else 'not there'}. {layout}")
    train, test = ((path / name).is_dir() for name in ("train", "test"))
    if train and test:
        return
    if train:
        raise DataError(f"{path / 'test'} is not a folder. Move some pictures of each class there. {layout}")
    entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    folders = sorted(entry.name for entry in entries if entry.is_dir())
    files = len(entries) - len(folders)
    if test or not entries:
        held = "is empty" if not entries else "has test and no folder train"
    elif folders:
        more = ", ..." if len(folders) > 3 else ""
        held = f"holds the folders {', '.join(folders[:3])}{more}, and none is train: move them into train and test"
    else:
        held = f"holds {files:,} file{'s' * (files != 1)} and no folders: sort them by class"
    raise DataError(f"{path} {held}. {layout}")
