"""Types of config sections that are chosen by name, made from a registry."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from pkgutil import resolve_name
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, Discriminator, Tag


class Entry(Protocol):
    """Entry of a registry.

    options: the class of its options, as `module:class`.
    """

    @property
    def options(self) -> str:
        """Return the class of its options."""


def union_of(registry: Mapping[str, Entry]) -> Any:
    """Make the type of a section whose key `name` is a name of the registry.

    Args:
        registry: entries by name; several may share a class of options.
    """
    members = tuple(Annotated[resolve_name(entry.options), Tag(name)] for name, entry in registry.items())
    return Annotated[reduce(or_, members), Discriminator(_name_of)]


def _name_of(section: Any) -> Any:
    """Return the name that a section gives, as a mapping or as options."""
    if isinstance(section, BaseModel):
        return getattr(section, "name", None)
    return section.get("name") if isinstance(section, Mapping) else None
