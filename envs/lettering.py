"""Fonts for pictures with words of any language; Pillow's default font has little more than English letters."""

import sys
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf"),
    # Fonts with Chinese, Japanese or Korean letters beside Latin ones: of Linux, macOS and Windows.
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf"),
    *("wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "unifont.otf"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf"),
    *("msyh.ttc", "simsun.ttc", "simhei.ttf", "YuGothM.ttc", "msgothic.ttc", "malgun.ttf", "Nirmala.ttf"),
)
"""Fonts of the system, which Pillow finds by name if they are installed."""
_TRANSLITERATIONS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "„": '"', "–": "-", "—": "-"}
)


def fit_lettering(texts: Iterable[str], size: float) -> tuple[list[str], Font]:
    """Return texts as they can be drawn, and a font that has all their letters.

    The font is Pillow's default if it has them, otherwise the first suitable one of the system. If there is none,
    missing letters are transliterated (ä to ae, é to e) or replaced by question marks, which a line on standard error
    says once.

    Args:
        texts: texts to be drawn.
        size: size of the letters, in pixels.
    """
    texts = list(texts)
    letters = frozenset("".join(texts))
    own = _own(size)
    for font in (
        own,
        *filter(None, (_installed(name, size) for name in _SYSTEM_FONTS if not has_letters(own, letters))),
    ):
        if has_letters(font, letters):
            return texts, font
    drawn = [transliterate(text, own) for text in texts]
    if "".join(drawn).count("?") > "".join(texts).count("?"):
        _say_what_is_missing()
    return drawn, own


def has_letters(font: Font, letters: Iterable[str]) -> bool:
    """Return whether a font has all letters; it draws the same box for each missing one."""
    return all(letter.isspace() or _shape(font, letter) != _shape(font, "\U0010ffff") for letter in letters)


@lru_cache(maxsize=4096)
def _shape(font: Font, letter: str) -> bytes:
    """Return what a font draws for a letter; pictures of an animation ask for the same letters again and again."""
    return bytes(font.getmask(letter))


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
def _own(size: float) -> Font:
    """Return Pillow's default font, which takes a while to load."""
    return ImageFont.load_default(size)


@cache
def _say_what_is_missing() -> None:
    """Tell the user once that letters are missing in pictures."""
    line = (
        "note: no font here has all letters of the texts, so that pictures have question marks; install one, such as "
    )
    print(f"{line}Noto Sans CJK", file=sys.stderr, flush=True)


@cache
def _installed(name: str, size: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
