"""HTML by Jinja2 from the folder `templates`: what is not markup already is escaped."""

import unicodedata
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_JOINERS = "\u200c\u200d"
"""They join letters, and are no marks of their own."""


def render(template: str, **values: object) -> Markup:
    """Return a template as HTML.

    Texts in the values are escaped; unprintable characters in them are replaced by U+FFFD.

    Args:
        template: name of its file.
        **values: what it shows; one that it names and that is not given is an error.
    """
    return Markup(_environment().get_template(template).render(**values))


def render_part(name: str, **values: object) -> Markup:
    """Return a macro of `parts.html` as HTML; see `render`."""
    return Markup(getattr(_environment().get_template("parts.html").module, name)(**values))


@cache
def _environment() -> Environment:
    """Return Jinja2's environment."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def _printable(value: object) -> object:
    """Replace the unprintable characters of a text that is not markup; other values are unchanged."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return value.translate({ord(letter): "\ufffd" for letter in set(value) if not _is_shown(letter)})


def _is_shown(letter: str) -> bool:
    """Return whether a page may have a character: a letter, a space, a joiner or a line break."""
    return letter.isprintable() or letter in _JOINERS or letter == "\n" or unicodedata.category(letter) == "Zs"
