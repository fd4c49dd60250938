"""What is wrong in a config, as lines that a user can act on.

pydantic finds the mistakes; here each becomes one line with the key's path, what was expected, what came, and the
nearest right name.
"""

import difflib
import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]

_WRONG_KIND = {
    "bool_type",
    "float_type",
    "int_type",
    "literal_error",
    "model_attributes_type",
    "model_type",
    "string_type",
    "too_long",
    "tuple_type",
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", types.NoneType: "null"}


class Mistake(NamedTuple):
    """The path of a key, and what is wrong with it."""

    path: Path
    text: str


def describe(error: ValidationError, model: type[BaseModel], data: dict[str, Any]) -> list[Mistake]:
    """Each mistake that pydantic found when it read `data` as a `model`; at most one of each kind for a key."""
    found = [_describe(details, model, data) for details in error.errors(include_url=False)]
    return list(dict.fromkeys(found))


def variants(annotation: Any) -> dict[str, type[BaseModel]]:
    """The models that a section may be, by the value of their key `name`; empty where there is no such key."""
    named = {}
    for member in _members(annotation):
        if _is_model(member) and "name" in member.model_fields:
            named |= dict.fromkeys(get_args(member.model_fields["name"].annotation), member)
    return named
