"""Strict YAML: plain data, read as they are written.

PyYAML follows YAML 1.1, in which `no` is false, `012` is ten, `12:30` is 750, `1e-3` is text, and a key given
twice silently counts once. Here numbers are decimal, only `true` and `false` are booleans, everything else is
text, and duplicate keys, aliases, merge keys and tags of other types are mistakes. Values are nested at most
`DEEPEST` levels deep.
"""

import math
import re
from copy import deepcopy
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import yaml

DEEPEST = 50
"""Largest number of lists and mappings inside each other; no config needs ten."""
_LONG = 20_000
"""Length from which a text is not remembered, in characters."""
_PREFIX = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_BOOLEAN = re.compile(r"(true|True|TRUE|false|False|FALSE)$")
_NULL = re.compile(r"(~|null|Null|NULL|)$")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class YamlMistake(NamedTuple):
    """Line of a mistake (counted from 1), and its text."""

    line: int
    text: str


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without YAML 1.1's types of values."""

    yaml_implicit_resolvers: dict[str, Any] = {}
    yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.mistakes: list[YamlMistake] = []
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse deep nesting, and aliases: they would allow endless structures, and lines that unfold to gigabytes."""
        is_alias = self.check_event(yaml.AliasEvent)
        self._depth += 1
        if self._depth > DEEPEST + 1:
            mark = parent.start_mark if parent else None
            raise yaml.MarkedYAMLError(problem=f"is nested too deeply, at most {DEEPEST} levels", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias and node is not None:
            raise _fail(node, "this value is used again through an alias; that is not supported, write it out")
        return node


def parse_yaml(text: str) -> tuple[Any, list[YamlMistake]]:
    """Read one document made of mappings, lists, text, numbers, booleans and null.

    Returns:
        The value, and all mistakes found; the value is None where the text could not be read at all.
    """
    value, mistakes = (_remembered if len(text) <= _LONG else _read)(text)
    return deepcopy(value), list(mistakes)


def _read(text: str) -> tuple[Any, list[YamlMistake]]:
    """Read a document as `parse_yaml` does."""
    try:
        loader = _Loader(text)
        return loader.get_single_data(), loader.mistakes
    except yaml.MarkedYAMLError as error:
        return None, [_explain(text, error)]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [YamlMistake(line, "holds characters that are no text; is it a YAML file?")]


_remembered = lru_cache(maxsize=512)(_read)
"""Commands read a run's config several times, and PyYAML takes milliseconds for it."""


def write_yaml(value: Any) -> str:
    """Write plain data as YAML that `parse_yaml` and any YAML 1.1 or 1.2 reader read back unchanged."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _explain(text: str, error: yaml.MarkedYAMLError) -> YamlMistake:
    mark, problem = error.problem_mark or error.context_mark, error.problem or "is not YAML"
    if problem.startswith("but ") and error.context:
        problem = f"{error.context}, {problem}"
    line, lines = mark.line if mark else 0, text.splitlines()
    indentation = re.match(r"\s*", lines[line]) if line < len(lines) else None
    if indentation and "\t" in indentation.group():
        problem = "a tab in the indentation; use spaces"
    return YamlMistake(line + 1, problem)


def _fail(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _scalar(node: yaml.Node, kind: re.Pattern[str] | None = None) -> str:
    """Return the text of a scalar; an explicit tag such as `!!int` may have been put on anything."""
    if not isinstance(node, yaml.ScalarNode) or (kind and not kind.match(node.value)):
        raise _fail(node, f"not what its tag {node.tag.removeprefix(_PREFIX)!r} says")
    if _NO_TEXT.search(node.value):
        raise _fail(node, "a text with a character that cannot be written, NUL or half of a surrogate pair")
    return str(node.value)


def _construct_number(loader: _Loader, node: yaml.Node) -> int | float:
    """Read a number; a whole one becomes an int however it is written, as in `steps: 1e4`."""
    text = _scalar(node, _NUMBER)
    try:
        number = int(text) if _INTEGER.match(text) else float(text)
    except ValueError:  # Python refuses to read integers of thousands of digits.
        number = math.inf
    if not math.isfinite(number):
        raise _fail(node, "a number too large")
    return int(number) if abs(number) < 2**53 and number == int(number) else number


def _construct_boolean(loader: _Loader, node: yaml.Node) -> bool:
    return _scalar(node, _BOOLEAN).lower() == "true"


def _construct_null(loader: _Loader, node: yaml.Node) -> None:
    _scalar(node, _NULL)


def _construct_text(loader: _Loader, node: yaml.Node) -> str:
    return _scalar(node)


def _construct_list(loader: _Loader, node: yaml.Node) -> list[Any]:
    if not isinstance(node, yaml.SequenceNode):
        raise _fail(node, "not a list")
    return [loader.construct_object(child, deep=True) for child in node.value]


def _construct_mapping(loader: _Loader, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _fail(node, "not a mapping")
    found: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = loader.construct_object(key_node, deep=True), key_node.start_mark.line + 1
        if not isinstance(key, str):
            loader.mistakes.append(YamlMistake(line, f"the key {key!r} is not text"))
        elif key == "<<":
            problem = "a merge key '<<' is not supported: write its keys out, or share them by `extends`"
            loader.mistakes.append(YamlMistake(line, problem))
        elif key in found:
            problem = f"the key {key!r} is given twice (first in line {lines[key]})"
            loader.mistakes.append(YamlMistake(line, problem))
        else:
            found[key], lines[key] = loader.construct_object(value_node, deep=True), line
    return found


def _refuse(loader: _Loader, node: yaml.Node) -> None:
    raise _fail(node, f"the tag {node.tag.replace(_PREFIX, '!!')!r} is not supported: only plain data are")


for _tag, _pattern, _first in (
    ("null", _NULL, ["~", "n", "N", ""]),
    ("bool", _BOOLEAN, list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _NUMBER, list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_PREFIX + _tag, _pattern, _first)
for _tag, _construct in {
    "null": _construct_null,
    "bool": _construct_boolean,
    "int": _construct_number,
    "float": _construct_number,
    "str": _construct_text,
    "seq": _construct_list,
    "map": _construct_mapping,
}.items():
    _Loader.add_constructor(_PREFIX + _tag, _construct)
_Loader.add_constructor(None, _refuse)


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, which also quotes the text that only `parse_yaml` would take for a number."""


_Dumper.add_implicit_resolver(_PREFIX + "float", _NUMBER, list("-+.0123456789"))
