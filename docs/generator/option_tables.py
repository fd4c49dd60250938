"""Tables of options, made from the JSON schema of their pydantic models: values, bounds, defaults and descriptions."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from docs.generator.markdown_text import code, plain, table

Schema = dict[str, Any]
_HEAD = ("option", "values", "default", "what it is")
_BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


class OptionRow(NamedTuple):
    """Row of a table of options: its key with dots, and cells in Markdown."""

    key: str
    values: str
    default: str
    description: str


@dataclass
class OptionTable:
    """Options of a section, or of one of the kinds of a part of it.

    title: what it is a table of, in Markdown; empty for the section itself.
    """

    title: str = ""
    summary: str = ""
    rows: list[OptionRow] = field(default_factory=list)


def options_page(
    model: type[BaseModel],
    given: Mapping[str, Any],
    link: Callable[[str], str],
    level: int = 3,
    without: Collection[str] = (),
) -> str:
    """Return tables of a model's options as Markdown; parts of several kinds have a table of their own.

    Args:
        model: the options.
        given: defaults that differ from those of the model, such as an environment's.
        link: returns where a part of several kinds is described, by the name of its class; "" to describe it here.
        level: level of the headings of parts.
        without: options that are described elsewhere.
    """
    texts = []
    for each in option_tables(model, given, link, without):
        title = [f"{'#' * level} {each.title}\n", f"{plain(each.summary)}\n"] if each.title else []
        body = table(_HEAD, [(code(row.key), *row[1:]) for row in each.rows]) if each.rows else "No options.\n"
        texts.append("\n".join([*title, body]))
    return "\n".join(texts)


def option_tables(
    model: type[BaseModel],
    given: Mapping[str, Any],
    link: Callable[[str], str] = lambda name: "",
    without: Collection[str] = (),
) -> list[OptionTable]:
    """Return the table of a model's own options, and those of the kinds of its parts; see `options_page`."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    own = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema  # A recursive model.
    kept = {name: option for name, option in own.get("properties", {}).items() if name not in without}
    reader = _Reader(definitions, link)
    first = OptionTable(rows=list(reader.rows({"properties": kept}, "", given)))
    return [first, *reader.parts()]


class _Reader:
    """Reader of a JSON schema, which meets each kind of a part once."""

    def __init__(self, definitions: Schema, link: Callable[[str], str]) -> None:
        self._definitions, self._link = definitions, link
        self._waiting: list[tuple[str, str]] = []
        self._met: set[str] = set()

    def rows(self, schema: Schema, prefix: str, given: Mapping[str, Any]) -> Iterator[OptionRow]:
        """Yield a row for each option; those of a nested section have its key before a dot."""
        for name, own in schema.get("properties", {}).items():
            if name in ("name", "kind") and ("const" in own or not prefix and name == "name"):
                continue
            key, missing = f"{prefix}{name}", object()
            default = given.get(name, own.get("default", missing))
            inner = self._section(own)
            if inner is not None:
                yield from self.rows(inner, f"{key}.", default if isinstance(default, dict) else {})
                continue
            told = "Which of these it is." if name == "kind" else ""
            shown = plain("required") if default is missing else default_cell(default)
            yield OptionRow(key, self._values(own, key), shown, plain(self._description(own) or told))

    def parts(self) -> Iterator[OptionTable]:
        """Yield the tables of the kinds of parts that were met, and of those met in them."""
        while self._waiting:
            key, name = self._waiting.pop(0)
            schema = self._definitions[name]
            rows = list(self.rows(schema, "", {}))
            if rows:
                kind = _kind_of(schema)
                title = f"{code(key)} of the kind {code(kind)}" if kind else code(key)
                yield OptionTable(title, schema.get("description", "").partition("\n\n")[0], rows)

    def _section(self, own: Schema) -> Schema | None:
        """Return the schema of a nested section, or None for a value or a part of several kinds."""
        reference = own.get("$ref")
        if reference is None:
            return None
        found: Schema = self._definitions[reference.rpartition("/")[2]]
        return found if "properties" in found and _kind_of(found) is None else None

    def _description(self, own: Schema) -> str:
        """Return the description of an option, or of the section that it refers to."""
        if "description" in own or "$ref" not in own:
            return str(own.get("description", ""))
        return str(self._definitions[own["$ref"].rpartition("/")[2]].get("description", ""))

    def _values(self, own: Schema, key: str) -> str:
        """Return the values that an option may have, with their bounds."""
        if "$ref" in own:
            return self._referred(own["$ref"].rpartition("/")[2], key)
        choices = own.get("oneOf") or own.get("anyOf")
        if choices:
            found = dict.fromkeys(self._values(choice, key) for choice in choices)
            named = all("$ref" in choice for choice in choices)
            return (", " if named else " or ").join(each for each in found if each)
        if "enum" in own or "const" in own:
            return ", ".join(code(value) for value in own.get("enum", [own.get("const")]))
        kind = str(own.get("type", "any"))
        if kind == "array":
            return self._array(own, key)
        if kind == "object":
            values = own.get("additionalProperties")
            return f"mapping to {self._values(values, key)}" if isinstance(values, dict) else "mapping"
        word = {"null": "`null`", "string": "text", "boolean": "`true`, `false`"}.get(kind, kind)
        return plain(", ".join([word, *_bounds(own)]))

    def _array(self, own: Schema, key: str) -> str:
        fixed = own.get("prefixItems")
        if fixed:
            return f"list of {len(fixed)}: {self._values(fixed[0], key)}"
        items = self._values(own.get("items", {}), key)
        most = f", at most {own['maxItems']:,}" if "maxItems" in own else ""
        return f"list{most}: {items}" if items else f"list{most}"

    def _referred(self, name: str, key: str) -> str:
        """Return the name of a kind of a part, which is described elsewhere or gets a table."""
        schema = self._definitions[name]
        if "properties" not in schema:
            return self._values(schema, key)
        kind = _kind_of(schema) or name
        place = self._link(name)
        if place:
            return f"[{code(kind)}]({place})"
        if name not in self._met:
            self._met.add(name)
            self._waiting.append((key, name))
        return ", ".join(code(each) for each in kind.split(", "))


def _bounds(own: Schema) -> list[str]:
    """Return the bounds of a number in words, such as "1 to 512"."""
    found = {name: f"{own[name]:,}".removesuffix(".0") for name in _BOUNDS if name in own}
    if found.keys() == {"minimum", "maximum"}:
        return [f"{found['minimum']} to {found['maximum']}"]
    return [_BOUNDS[name].format(bound) for name, bound in found.items()]


def _kind_of(schema: Schema) -> str | None:
    """Return the kinds that a class of options is of; None for a section that has none."""
    kind = schema.get("properties", {}).get("kind", {})
    if "const" in kind:
        return str(kind["const"])
    names_a_part = "enum" in kind and "description" not in kind
    return ", ".join(kind["enum"]) if names_a_part else None


def default_cell(value: Any) -> str:
    """Return a default as a cell of a table."""
    if value is None:
        return code("null")
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, dict) and "kind" in value:
        return code(value["kind"])
    return code("[" + ", ".join(map(str, value)) + "]" if isinstance(value, list | tuple) else value)
