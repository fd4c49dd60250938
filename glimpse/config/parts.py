"""Parts of a config that are of several kinds: attention, masks, normalisers, poolings and the like.

A part may be named by its kind alone, `mask: causal`, and its kind may be left out where it is the default one:
`attention: {heads: 8}`. Here both are written out, so that layers of a config are laid over each other alike.
"""

from typing import Any, get_args

from pydantic import BaseModel

from glimpse.config.section_types import items_of, models_of, tag, variants


def written_out(annotation: Any, given: Any, below: Any, default: Any = None) -> Any:
    """Write out the kinds of a layer's parts.

    Args:
        annotation: the type of the section, part or value.
        given: what the layer says.
        below: what the layers under it say, written out.
        default: what it is where no layer says anything.
    """
    below = below if isinstance(below, dict) else {}
    kinds = list(variants(annotation)) if tag(annotation) == "kind" else []
    if isinstance(given, str) and given in kinds:
        given = {"kind": given}
    if isinstance(given, list) and (items := items_of(annotation)):
        types = items[:1] * len(given) if items[-1] is Ellipsis else items
        return [written_out(kind, item, None) for kind, item in zip(types, given, strict=False)] + given[len(types) :]
    if not isinstance(given, dict):
        return given
    usual = getattr(default, "kind", None)
    if usual in kinds and "kind" not in given and below.get("kind") not in kinds:
        given = {"kind": usual, **given}
    fields = model.model_fields if (model := chosen(annotation, {**below, **given})) else {}
    return {
        key: written_out(fields[key].annotation, value, below.get(key), fields[key].default) if key in fields else value
        for key, value in given.items()
    }


def chosen(annotation: Any, given: dict[str, Any]) -> type[BaseModel] | None:
    """Return the model of a section: the only one possible, or the one that its name or kind chooses."""
    named = variants(annotation)
    name = given.get(tag(annotation))
    if named:
        return named[name] if name in list(named) else None
    return next(iter(models_of(annotation)), None)


def kinds_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the values of a model's key `kind`; none where it has no such key."""
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def default_kind(model: type[BaseModel]) -> str:
    """Return the default kind of a model."""
    return next(iter(kinds_of(model)), "")
