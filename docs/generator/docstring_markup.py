"""Docstrings as reStructuredText for Sphinx: lists of attributes become lists, and bars are escaped."""

import re
from collections.abc import Iterable

from sphinx.application import Sphinx

_NAMED = re.compile(r"^([\w`*]+(?:, [\w`*]+)*): (?=\S)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Change docstrings before napoleon reads their sections."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _change, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _change(app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]) -> None:
    lines[:] = [_escaped(line) for line in with_lists(lines)]


def with_lists(lines: Iterable[str]) -> list[str]:
    """Make a list of each paragraph whose lines begin with a name and a colon; indented lines continue one."""
    done: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line:
            paragraph.append(line)
        else:
            done += [*(_list(paragraph) if _is_list(paragraph) else paragraph), ""]
            paragraph = []
    return done[:-1]


def _is_list(paragraph: list[str]) -> bool:
    named = [bool(_NAMED.match(line)) for line in paragraph]
    continued = all(is_named or line.startswith(" ") for is_named, line in zip(named, paragraph, strict=True))
    return bool(named) and named[0] and continued


def _list(paragraph: list[str]) -> list[str]:
    items: list[str] = []
    for line in paragraph:
        if _NAMED.match(line):
            items.append(_NAMED.sub(r"- **\1:** ", line).replace("`:**", ":**").replace("**`", "**"))
        else:
            items[-1] += f" {line.strip()}"
    return items


def _escaped(line: str) -> str:
    """Escape bars, which would name a substitution, outside of code."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else part.replace("|", r"\|") for part in parts)
