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
