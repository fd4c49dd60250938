"""Messages for mistakes in a config, as lines that a user can act on.

pydantic finds the mistakes; here each becomes a key's path and a text with what was expected, what came, and
the nearest right name.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from glimpse.config.foreign_words import meaning_of, value_meant, why_refused
from glimpse.config.section_types import choices_of, items_of, members_of, models_of, tag, variants
from glimpse.config.shown_values import shortened

Path = tuple[str, ...]

_WRONG_KIND = (
    "bool_type",
    "dict_type",
    "float_type",
    "int_type",
    "literal_error",
    "model_attributes_type",
    "model_type",
    "string_type",
    "tuple_type",
)
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS = {"too_short": ("min_length", "at least"), "too_long": ("max_length", "at most")}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", NoneType: "null"}


class Mistake(NamedTuple):
    """Path of a key, and what is wrong with it."""

    path: Path
    text: str


def describe(error: ValidationError, model: type[BaseModel], data: dict[str, Any]) -> list[Mistake]:
    """Return the mistakes that pydantic found when it read `data` as a `model`, each once."""
    found = [(details, _describe(details, model, data)) for details in error.errors(include_url=False)]
    limited = {mistake.path for details, mistake in found if details["type"] in _LIMITS}
    kept = [mistake for details, mistake in found if not _is_echo(details, mistake, limited)]
    return list(dict.fromkeys(kept))


def _is_echo(details: ErrorDetails, mistake: Mistake, limited: set[Path]) -> bool:
    """Return whether a mistake only follows from another one, of which the user is told.

    It is one if a list is too short because its items are wrong, or if a value is of one type of a union, but beyond
    its limits, so that it is of none.
    """
    if details["type"] == "too_short" and isinstance(details["input"], list | tuple):
        return len(details["input"]) >= int(details["ctx"]["min_length"])
    of_a_union = bool(details["loc"]) and isinstance(details["loc"][-1], str) and details["loc"][-1] != mistake.path[-1]
    return of_a_union and details["type"] in _WRONG_KIND and mistake.path in limited


def nearest(wrong: str, right: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the right name most like the wrong one, or None where none has a similarity of at least `cutoff`."""
    return next(iter(difflib.get_close_matches(wrong, list(right), n=1, cutoff=cutoff)), None)


def dotted(path: Path) -> str:
    """Write a key's path, such as `agent.encoder.mask.masks[1].width`."""
    return ".".join(path).replace(".[", "[")


class _Key(NamedTuple):
    """Path, value and type of a key, the model that has it, and the models that could replace that one."""

    path: Path
    value: Any
    annotation: Any
    owner: type[BaseModel]
    siblings: dict[str, type[BaseModel]]


def _locate(location: tuple[int | str, ...], model: type[BaseModel], data: dict[str, Any]) -> _Key:
    """Follow pydantic's location, skipping union members and the positions of plain values, which are no keys."""
    found = _Key((), data, model, model, {})
    for part in location:
        models = models_of(found.annotation)
        if isinstance(part, int):
            found = _item(found, part)
        elif len(models) > 1:
            siblings = variants(found.annotation)
            found = found._replace(annotation=siblings.get(str(part)), siblings=siblings)
        elif models:
            field = models[0].model_fields.get(part)
            annotation = field.annotation if field else None
            if isinstance(found.value, str):  # A bare name, which stands for a mapping with this key alone.
                found = found._replace(annotation=annotation)
                continue
            value = found.value.get(part) if isinstance(found.value, dict) else None
            found = _Key((*found.path, part), value, annotation, models[0], found.siblings)
    return found


def _item(found: _Key, position: int) -> _Key:
    """Return a section of a list of sections; a list of plain values is described as a whole."""
    items = items_of(found.annotation)
    item = items[0 if items[-1] is Ellipsis else position] if items else None
    if not models_of(item):
        return found
    value = found.value[position] if isinstance(found.value, list | tuple) and position < len(found.value) else None
    return _Key((*found.path, f"[{position}]"), value, item, found.owner, found.siblings)


def _describe(details: ErrorDetails, model: type[BaseModel], data: dict[str, Any]) -> Mistake:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    found = _locate(details["loc"], model, data)
    in_list = bool(details["loc"]) and isinstance(details["loc"][-1], int)
    if kind == "extra_forbidden":
        return Mistake(found.path, f"unknown key{_right_key(found, model, data)}")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _describe_tag(found, tag(found.annotation))
    if kind in _LENGTHS and Ellipsis in items_of(found.annotation):
        limit, words = _LENGTHS[kind]
        length = f"{words} {context[limit]} item{'s' if context[limit] > 1 else ''}"
        return Mistake(found.path, f"should be a list of {length} (got {context['actual_length']})")
    if kind in (*_WRONG_KIND, *_LENGTHS) or (kind == "missing" and in_list):
        wanted = _join(_kinds(found.annotation))
        return Mistake(found.path, f"should be {wanted} {_got(found.value, choices_of(found.annotation))}")
    if kind == "missing":
        return Mistake(found.path, f"is missing{_what_is_missing(found.annotation)}")
    if kind in _LIMITS:
        limit, words = _LIMITS[kind]
        bound = f"{context[limit]:d}" if isinstance(context[limit], int) else f"{context[limit]:.12g}"
        return Mistake(found.path, f"should be {words} {bound} {_got(given)}")
    if kind == "string_pattern_mismatch":
        return _describe_pattern(found, given)
    if kind == "value_error":
        return Mistake(found.path, str(context["error"]))
    if "key" in context:  # A mistake in one key that was found when its section was compared with another.
        return Mistake((*found.path, context["key"]), details["msg"])
    return Mistake(found.path, details["msg"].removeprefix("Input "))


def _describe_pattern(found: _Key, given: str) -> Mistake:
    """Say in the field's own words what a text should be; each pattern has them (`expected`)."""
    key = found.path[-1]
    said = found.owner.model_fields[key].json_schema_extra
    expected = str(said["expected"]) if isinstance(said, dict) else ""
    why = why_refused(key, given)
    got = _got(given, re.split(", | or ", expected), value_meant(key, given))
    return Mistake(found.path, f"should be {expected} {got}{f': {why}' if why else ''}")


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
        hint = f"; give the name as {dotted((*found.path, key))}={found.value}" if found.value in names else ""
        return Mistake(found.path, f"should be a mapping of keys to values {_got(found.value)}{hint}")
    if not isinstance(found.value, dict) or key not in found.value:
        return Mistake((*found.path, key), f"is missing, should be {wanted}")
    return Mistake((*found.path, key), f"should be {wanted} {_got(found.value[key], names)}")


def _right_key(found: _Key, model: type[BaseModel], data: dict[str, Any]) -> str:
    """Suggest a key for an unknown one, as it is to be typed: a key of another variant, or the most similar."""
    key = found.path[-1]
    if found.owner in found.siblings.values():
        owners = [repr(name) for name, sibling in found.siblings.items() if key in sibling.model_fields]
        if owners:
            return f" (it belongs to {found.path[-2]} {_join(owners)})"
    own = list(found.owner.model_fields)
    if meaning := meaning_of(key, 1.0) or (None if nearest(key, own) else meaning_of(key, 0.8)):
        return f" ({meaning})"
    if meant := nearest(key, own) or next((name for name in own if {key, f"{key}s"} & {*name.split("_")}), None):
        return f" (did you mean {dotted((*found.path[:-1], meant))!r}?)"
    elsewhere = {path[-1]: ".".join(path) for path in reversed(list(_paths(model, data)))}
    if meant := nearest(key, elsewhere, cutoff=0.85):
        return f" (did you mean {elsewhere[meant]!r}?)"
    within = f" in {dotted(found.path[:-1])}" if found.path[1:] else ""
    return f" (known{within}: {', '.join(own)})"


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


def _kinds(annotation: Any) -> list[str]:
    """Describe in words what a value may be."""
    kinds = []
    for kind in members_of(annotation):
        if get_origin(kind) is Literal:
            kinds += [repr(choice) for choice in get_args(kind)]
        elif get_origin(kind) is tuple:
            kinds.append(_list_kind(get_args(kind)))
        else:
            kinds.append(_KINDS.get(kind, "a mapping of keys to values"))
    return list(dict.fromkeys(kinds))


def _list_kind(items: tuple[Any, ...]) -> str:
    item = _join(_kinds(items[0])).removeprefix("a ")
    first, *rest = item.split(" ", 1)
    items_ = " ".join([f"{first}s", *rest]) if first in ("list", "mapping") else f"{item}s"
    return f"a list of {items_}" if items[-1] is Ellipsis else f"a list of {len(items)} {items_}"


def _join(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _got(value: Any, choices: Iterable[str] = (), meant: str | None = None) -> str:
    """Describe briefly what came, with what is `meant`, or else the nearest of the choices."""
    meant = meant or (nearest(value, choices) if isinstance(value, str) else None)
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
    return shortened(shown)
