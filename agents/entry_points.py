"""Registry entries that other installed packages add by entry points."""

import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any


def add_entry_points(registry: dict[str, Any], group: str, kind: type[Any]) -> None:
    """Add the entries that other packages register under an entry-point group.

    A broken entry point is left out with a warning, so that a fault of another package stops nothing else.

    Args:
        registry: entries by name, to which the new ones are added.
        group: name of the group, such as `glimpse.environments`.
        kind: class of the entries.
    """
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
        try:
            _add_entry(registry, point, kind)
        except Exception as problem:  # Code of another package may raise anything.
            warnings.warn(
                f"entry point {point.name!r} ({point.value}) of {group} is left out: "
                f"{type(problem).__name__}: {problem}",
                stacklevel=2,
            )


def _add_entry(registry: dict[str, Any], point: EntryPoint, kind: type[Any]) -> None:
    """Load an entry point and add its entry.

    Raises:
        TypeError: if it names an object of another class.
        ValueError: if the registry already has another entry of that name.
    """
    entry = point.load()
    if not isinstance(entry, kind):
        raise TypeError(f"expected an instance of {kind.__name__}, got {type(entry).__name__}")
    if registry.setdefault(point.name, entry) is not entry:
        raise ValueError("the name is already registered")
