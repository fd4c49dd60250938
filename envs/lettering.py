"""Fonts for pictures with words of any language: Pillow's own has little more than the letters of English."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_OTHERS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf")
"""Where a system has one of them, Pillow finds it by its name."""
_SPELLED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "„": '"', "–": "-", "—": "-"}
)


def lettering(texts: Iterable[str], size: float) -> tuple[list[str], Font]:
    """Texts as they can be drawn, and a font that has all their letters.

    It is Pillow's own where that has them, else the first of the system's; where none has, letters are written by
    those that there are (ä as ae, é as e), or as a question mark.

    Args:
        texts: what is to be drawn.
        size: of the letters, in pixels.
    """
    texts = list(texts)
    letters = frozenset("".join(texts))
    own = ImageFont.load_default(size)
    for font in (own, *filter(None, (_installed(name, size) for name in _OTHERS if not has(own, letters)))):
        if has(font, letters):
            return texts, font
    return [spelled(text, own) for text in texts], own


def has(font: Font, letters: Iterable[str]) -> bool:
    """Whether a font has them all: it draws the same box for each that it lacks."""
    lacking = bytes(font.getmask("\U0010ffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != lacking for letter in letters)


def spelled(text: str, font: Font) -> str:
    """A text by the letters that a font has."""
    return "".join(letter if has(font, letter) else _instead(letter, font) for letter in text)


def _instead(letter: str, font: Font) -> str:
    plain = letter.translate(_SPELLED)
    if plain == letter:
        parts = unicodedata.normalize("NFKD", letter)
        plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain and has(font, plain) else "?"


@cache
def _installed(name: str, size: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
