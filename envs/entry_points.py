"""Registry entries that other installed packages add through entry points."""

from importlib.metadata import entry_points
from typing import Any


def add_entry_points(registry: dict[str, Any], group: str, kind: type[Any]) -> None:
    """Add the entries that other packages register under an entry-point group.

    Args:
        registry: entries by name, to which the new ones are added.
        group: name of the group, such as `glimpse.environments`.
        kind: class of the entries.

    Raises:
        TypeError: if an entry point names an object of another class.
        ValueError: if the registry already has another entry of that name.
    """
    for point in entry_points(group=group):
        entry = point.load()
        if not isinstance(entry, kind):
            raise TypeError(f"the entry point {point.name!r} ({point.value}) of {group} should name a {kind.__name__}")
        if registry.setdefault(point.name, entry) is not entry:
            raise ValueError(
                f"the entry point {point.name!r} ({point.value}) of {group} uses a name that is already registered"
            )
