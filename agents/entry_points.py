"""Registration of agents and environments from other installed packages, by entry points."""

from importlib.metadata import entry_points
from typing import Any


def add_entry_points(registry: dict[str, Any], group: str, kind: type[Any]) -> None:
    """Add to a registry what other packages register under an entry-point group.

    Args:
        registry: the entries by name, extended in place; existing entries stay.
        group: such as `glimpse.environments`.
        kind: the class of which each entry point should name an instance.

    Raises:
        TypeError: if an entry point names something else.
        ValueError: if two entries have the same name.
    """
    for point in entry_points(group=group):
        entry = point.load()
        if not isinstance(entry, kind):
            raise TypeError(f"the entry point {point.name!r} ({point.value}) of {group} should name a {kind.__name__}")
        if registry.setdefault(point.name, entry) is not entry:
            raise ValueError(
                f"the entry point {point.name!r} ({point.value}) of {group} has a name that is already taken"
            )
