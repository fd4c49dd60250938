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


def add_names(schema: dict[str, Any], section: str, registry: Mapping[str, Entry]) -> None:
    """Add a registry's names to the JSON schema of a config, for completion in an editor.

    Args:
        schema: the schema, which is changed in place.
        section: key of the section whose type `union_of` made from the registry.
        registry: entries by name.
    """
    mapping = {name: entry.options.rpartition(":")[2] for name, entry in registry.items()}
    schema["properties"][section]["discriminator"] = {
        "propertyName": "name",
        "mapping": {name: f"#/$defs/{options}" for name, options in mapping.items()},
    }
    for options in set(mapping.values()) & schema["$defs"].keys():
        name_schema = schema["$defs"][options]["properties"]["name"]
        name_schema["enum"] = [name for name, theirs in mapping.items() if theirs == options]


def _name_of(section: Any) -> Any:
    """Return the name that a section gives, as a mapping or as options."""
    if isinstance(section, BaseModel):
        return getattr(section, "name", None)
    return section.get("name") if isinstance(section, Mapping) else None
