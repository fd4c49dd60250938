"""Types of config sections, read from pydantic's annotations: which models, names and items a value may be."""

from collections.abc import Callable
from functools import wraps
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag

_Found = TypeVar("_Found")


def _remembered(function: Callable[[Any], _Found]) -> Callable[[Any], _Found]:
    """Return the function with its results remembered: annotations, which may not be hashable, last as long."""
    known: dict[int, tuple[Any, _Found]] = {}  # The annotation is kept too, so that no other one takes its id.

    @wraps(function)
    def remembering(annotation: Any) -> _Found:
        if id(annotation) not in known:
            known[id(annotation)] = (annotation, function(annotation))
        return known[id(annotation)][1]

    return remembering


@_remembered
def variants(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the models that a section may be, by the value of its `tag`; empty where it has none."""
    named = _tagged(annotation)
    for model in [] if named else models_of(annotation):
        if tag(annotation) in model.model_fields:
            named |= dict.fromkeys(get_args(model.model_fields[tag(annotation)].annotation), model)
    return named


def _tagged(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the models of a union made from a registry, by the names there; see `registry_sections.py`."""
    while get_origin(annotation) is Annotated and not _tags(annotation):
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return {name: get_args(member)[0] for member in members for name in _tags(member)}


def _tags(member: Any) -> list[str]:
    return [part.tag for part in getattr(member, "__metadata__", ()) if isinstance(part, Tag)]


@_remembered
def tag(annotation: Any) -> str:
    """Return the key that chooses between models: `name` for environments and agents, `kind` for their parts."""
    models = models_of(annotation)
    parts = len(models) > 1 and all("kind" in model.model_fields for model in models)
    return "kind" if parts else "name"


@_remembered
def members_of(annotation: Any) -> list[Any]:
    """Return the types that a value may have: one, or the members of a union."""
    if get_origin(annotation) is Annotated:
        return members_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in members_of(member)]
    return [annotation]


@_remembered
def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value may be."""
    return [kind for kind in members_of(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def choices_of(annotation: Any) -> list[str]:
    """Return the names that a value may be."""
    literals = [kind for kind in members_of(annotation) if get_origin(kind) is Literal]
    return [choice for literal in literals for choice in get_args(literal) if isinstance(choice, str)]


def items_of(annotation: Any) -> tuple[Any, ...]:
    """Return the types of a list's items, followed by `...` if it has any number of them; () where it is no list."""
    return next((get_args(kind) for kind in members_of(annotation) if get_origin(kind) is tuple), ())
