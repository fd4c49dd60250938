"""Fonts for pictures with words of any language; Pillow's default font has little more than English letters."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf")
"""Fonts of the system, which Pillow finds by name if they are installed."""
_TRANSLITERATIONS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "„": '"', "–": "-", "—": "-"}
)


def fit_lettering(texts: Iterable[str], size: float) -> tuple[list[str], Font]:
    """Return texts as they can be drawn, and a font that has all their letters.

    The font is Pillow's default if it has them, otherwise the first suitable one of the system. If there is none,
    missing letters are transliterated (ä to ae, é to e) or replaced by question marks.

    Args:
        texts: texts to be drawn.
        size: size of the letters, in pixels.
    """
    texts = list(texts)
    letters = frozenset("".join(texts))
    own = ImageFont.load_default(size)
    for font in (
        own,
        *filter(None, (_installed(name, size) for name in _SYSTEM_FONTS if not has_letters(own, letters))),
    ):
        if has_letters(font, letters):
            return texts, font
    return [transliterate(text, own) for text in texts], own


def has_letters(font: Font, letters: Iterable[str]) -> bool:
    """Return whether a font has all letters; it draws the same box for each missing one."""
    missing = bytes(font.getmask("\U0010ffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in letters)


def transliterate(text: str, font: Font) -> str:
    """Replace the letters of a text that a font does not have."""
    return "".join(letter if has_letters(font, letter) else _replace(letter, font) for letter in text)


def _replace(letter: str, font: Font) -> str:
    plain = letter.translate(_TRANSLITERATIONS)
    if plain == letter:
        parts = unicodedata.normalize("NFKD", letter)
        plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain and has_letters(font, plain) else "?"


@cache
def _installed(name: str, size: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
