"""The configs that ship with glimpse, by name."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType


@cache
def shipped_configs() -> Mapping[str, Path]:
    """Return the files of the configs that ship with glimpse, by name."""
    folder = Path(str(files("glimpse.configs")))
    found = sorted(folder.glob("*/*.yaml"), key=lambda file: file.stem)
    return MappingProxyType({file.stem: file for file in found})
