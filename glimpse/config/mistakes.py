"""Messages for mistakes in a config, as lines that a user can act on.

pydantic finds the mistakes; here each becomes a key's path and a text with what was expected, what came, and
the nearest right name.
"""

import difflib
from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str, ...]

_WRONG_KIND = (
    "bool_type",
    "float_type",
    "int_type",
    "literal_error",
    "model_attributes_type",
    "model_type",
    "string_type",
    "too_long",
    "tuple_type",
)
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", NoneType: "null"}


class Mistake(NamedTuple):
    """Path of a key, and what is wrong with it."""

    path: Path
    text: str


def describe(error: ValidationError, model: type[BaseModel], data: dict[str, Any]) -> list[Mistake]:
    """Return the mistakes that pydantic found when it read `data` as a `model`, each once."""
    found = (_describe(details, model, data) for details in error.errors(include_url=False))
    return list(dict.fromkeys(found))


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


def tag(annotation: Any) -> str:
    """Return the key that chooses between models: `name` for environments and agents, `kind` for their parts."""
    models = models_of(annotation)
    parts = len(models) > 1 and all("kind" in model.model_fields for model in models)
    return "kind" if parts else "name"


def nearest(wrong: str, right: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the right name most like the wrong one, or None where none has a similarity of at least `cutoff`."""
    return next(iter(difflib.get_close_matches(wrong, list(right), n=1, cutoff=cutoff)), None)


class _Key(NamedTuple):
    """Path, value and type of a key, the model that has it, and the models that could replace that one."""

    path: Path
    value: Any
    annotation: Any
    owner: type[BaseModel]
    siblings: dict[str, type[BaseModel]]


def _locate(location: tuple[int | str, ...], model: type[BaseModel], data: dict[str, Any]) -> _Key:
    """Follow pydantic's location, skipping union members and list positions, which are no keys."""
    found = _Key((), data, model, model, {})
    for part in location:
        models = models_of(found.annotation)
        if len(models) > 1:
            siblings = variants(found.annotation)
            found = found._replace(annotation=siblings.get(str(part)), siblings=siblings)
        elif models and isinstance(part, str):
            field = models[0].model_fields.get(part)
            annotation = field.annotation if field else None
            if isinstance(found.value, str):  # A bare name, which stands for a mapping with this key alone.
                found = found._replace(annotation=annotation)
                continue
            value = found.value.get(part) if isinstance(found.value, dict) else None
            found = _Key((*found.path, part), value, annotation, models[0], found.siblings)
    return found


def _describe(details: ErrorDetails, model: type[BaseModel], data: dict[str, Any]) -> Mistake:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    found = _locate(details["loc"], model, data)
    in_list = bool(details["loc"]) and isinstance(details["loc"][-1], int)
    if kind == "extra_forbidden":
        return Mistake(found.path, f"unknown key{_right_key(found, model, data)}")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _describe_tag(found, tag(found.annotation))
    if kind in _WRONG_KIND or (kind == "missing" and in_list):
        wanted = _join(_kinds(found.annotation))
        return Mistake(found.path, f"should be {wanted} {_got(found.value, _choices(found.annotation))}")
    if kind == "missing":
        return Mistake(found.path, f"is missing{_what_is_missing(found.annotation)}")
    if kind in _LIMITS:
        limit, words = _LIMITS[kind]
        return Mistake(found.path, f"should be {words} {context[limit]:.12g} {_got(given)}")
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"].removeprefix("^(").removesuffix(")$")
        return Mistake(found.path, f"should match {pattern} {_got(given, pattern.split('|'))}")
    if kind == "value_error":
        return Mistake(found.path, str(context["error"]))
    if "key" in context:  # A mistake in one key that was found when its section was compared with another.
        return Mistake((*found.path, context["key"]), details["msg"])
    return Mistake(found.path, details["msg"].removeprefix("Input "))


def _what_is_missing(annotation: Any) -> str:
    """Describe the value that a missing key should have; nothing for a missing section."""
    if not models_of(annotation):
        return f", should be {_join(_kinds(annotation))}"
    kinds = variants(annotation) if tag(annotation) == "kind" else {}
    return f", should be {_join([repr(kind) for kind in kinds])}" if kinds else ""


def _describe_tag(found: _Key, key: str) -> Mistake:
    names = list(variants(found.annotation))
    wanted = _join([repr(name) for name in names])
    if isinstance(found.value, str) and key == "kind":  # A bare name, which stands for a mapping with this key alone.
        return Mistake(found.path, f"should be {wanted} {_got(found.value, names)}")
    if found.value is not None and not isinstance(found.value, dict):
        return Mistake(found.path, f"should be a mapping of keys to values {_got(found.value)}")
    if not isinstance(found.value, dict) or key not in found.value:
        return Mistake((*found.path, key), f"is missing, should be {wanted}")
    return Mistake((*found.path, key), f"should be {wanted} {_got(found.value[key], names)}")


def _right_key(found: _Key, model: type[BaseModel], data: dict[str, Any]) -> str:
    """Suggest a key for an unknown one: a key of another variant, or the most similar."""
    key = found.path[-1]
    if found.owner in found.siblings.values():
        owners = [repr(name) for name, sibling in found.siblings.items() if key in sibling.model_fields]
        if owners:
            return f" (it belongs to {found.path[-2]} {_join(owners)})"
    own = list(found.owner.model_fields)
    if meant := nearest(key, own) or next((name for name in own if {key, f"{key}s"} & {*name.split("_")}), None):
        return f" (did you mean {meant!r}?)"
    elsewhere = {path[-1]: ".".join(path) for path in reversed(list(_paths(model, data)))}
    if meant := nearest(key, elsewhere, cutoff=0.85):
        return f" (did you mean {elsewhere[meant]!r}?)"
    return f" (known: {', '.join(own)})"


def _paths(model: type[BaseModel], data: Any) -> Iterator[Path]:
    """Yield the paths of all keys that could be given, with the variants that `data` chooses."""
    for key, field in model.model_fields.items():
        yield (key,)
        value = data.get(key) if isinstance(data, dict) else None
        models = models_of(field.annotation)
        if len(models) > 1:
            name = value.get(tag(field.annotation)) if isinstance(value, dict) else None
            models = [found for known, found in variants(field.annotation).items() if known == name]
        for path in _paths(models[0], value) if models else ():
            yield (key, *path)


def _members(annotation: Any) -> list[Any]:
    """Return the types that a value may have: one, or the members of a union."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in _members(member)]
    return [annotation]


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value may be."""
    return [kind for kind in _members(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _choices(annotation: Any) -> list[str]:
    """Return the names that a value may be."""
    literals = [kind for kind in _members(annotation) if get_origin(kind) is Literal]
    return [choice for literal in literals for choice in get_args(literal) if isinstance(choice, str)]


def _kinds(annotation: Any) -> list[str]:
    """Describe in words what a value may be."""
    kinds = []
    for kind in _members(annotation):
        if get_origin(kind) is Literal:
            kinds += [repr(choice) for choice in get_args(kind)]
        elif get_origin(kind) is tuple:
            kinds.append(_list_kind(get_args(kind)))
        else:
            kinds.append(_KINDS.get(kind, "a mapping of keys to values"))
    return list(dict.fromkeys(kinds))


def _list_kind(items: tuple[Any, ...]) -> str:
    item = _join(_kinds(items[0])).removeprefix("a ")
    items_ = f"lists{item[4:]}" if item.startswith("list ") else f"{item}s"
    return f"a list of {items_}" if items[-1] is Ellipsis else f"a list of {len(items)} {items_}"


def _join(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _got(value: Any, choices: Iterable[str] = ()) -> str:
    """Describe briefly what came, with the nearest of the choices."""
    meant = nearest(value, choices) if isinstance(value, str) else None
    return f"(got {_show(value)}; did you mean {meant!r}?)" if meant else f"(got {_show(value)})"


def _show(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        shown = f"[{', '.join(map(_show, value))}]"
    else:
        shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
