"""Fonts for pictures with words of any language; Pillow's default font has little more than English letters."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from PIL import ImageFont

from glimpse.envs.printed_lines import print_error_line

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_TRANSLITERATIONS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "„": '"', "–": "-", "—": "-"}
)
_TO_INSTALL = {
    **dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "IDEOGRAPHIC"), "Noto Sans CJK"),
    **{name.upper(): f"Noto Sans {name}" for name in ("Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic")},
    **{name.upper(): f"Noto Sans {name}" for name in ("Georgian", "Hebrew", "Khmer", "Lao", "Tamil", "Telugu", "Thai")},
}
"""Fonts that have a script, by the first word of its letters' names in Unicode."""
_OTHER_FONT = "Noto Sans"
_BOXES = "Last Resort"
"""What a font is called that has a box for each letter instead of the letter."""
_BY_NAME = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf"),
    # Fonts with Chinese, Japanese or Korean letters beside Latin ones: of Linux, macOS and Windows.
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf"),
    *("wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "unifont.otf"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf"),
    *("msyh.ttc", "simsun.ttc", "simhei.ttf", "YuGothM.ttc", "msgothic.ttc", "malgun.ttf", "Nirmala.ttf"),
)
"""Fonts that Pillow finds by the names of their files; they are tried before the system's fonts are listed."""
_SAID: set[str] = set()
"""Fonts that the user was told to install."""
_GAP = "\0"
"""Stands for a letter that cannot be drawn, before such letters are counted."""
_PLACEHOLDER = frozenset("[0123456789letrs]")
"""Letters of what is drawn in place of others."""


def fit_lettering(texts: Iterable[str], size: float) -> tuple[list[str], Font]:
    """Return texts as they can be drawn, and a font that has all their letters.

    The font is Pillow's default if it has them, otherwise the first one of the system that does. If there is none, the
    one with the most of them is chosen; a letter that it lacks is transliterated (ä to ae, é to e), and where that
    cannot be, how many letters are missing stands in its place: `[2 letters]`. A line on standard error says once which
    font to install.

    Args:
        texts: texts to be drawn.
        size: size of the letters, in pixels.
    """
    texts = list(texts)
    letters = frozenset(letter for letter in "".join(texts) if not letter.isspace())
    own = _own(size)
    if has_letters(own, letters):
        return texts, own
    path = _named_font(letters) or _best_font(letters | _PLACEHOLDER)
    font = _installed(path, size) if path else own
    if lost := sorted(letter for letter in letters if not has_letters(font, letter) and _GAP in _replace(letter, font)):
        _say_what_is_missing("".join(lost[:10]), _font_to_install(lost[0]))
    return [transliterate(text, font) for text in texts], font


def has_letters(font: Font, letters: Iterable[str]) -> bool:
    """Return whether a font has all letters; it draws the same box for each missing one."""
    return all(letter.isspace() or _shape(font, letter) != _shape(font, "\U0010ffff") for letter in letters)


@lru_cache(maxsize=4096)
def _shape(font: Font, letter: str) -> bytes:
    """Return what a font draws for a letter; pictures of an animation ask for the same letters again and again."""
    return bytes(font.getmask(letter))


def transliterate(text: str, font: Font) -> str:
    """Replace the letters of a text that a font does not have; of those that cannot be, their number is given."""
    drawn = "".join(letter if has_letters(font, letter) else _replace(letter, font) for letter in text)
    return re.sub(f"{_GAP}+", lambda gap: f"[{len(gap[0])} letter{'s' * (len(gap[0]) > 1)}]", drawn)


def _replace(letter: str, font: Font) -> str:
    """Return what stands for a letter that a font does not have."""
    plain = letter.translate(_TRANSLITERATIONS)
    if plain == letter:
        parts = unicodedata.normalize("NFKD", letter)
        plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain and has_letters(font, plain) else _GAP


@cache
def _own(size: float) -> Font:
    """Return Pillow's default font, which takes a while to load."""
    return ImageFont.load_default(size)


@lru_cache(maxsize=64)
def _named_font(letters: frozenset[str]) -> str:
    """Return the name of a well-known font that has all of some letters and is installed; "" for none."""
    for name in _BY_NAME:
        try:
            if has_letters(_installed(name, 10), letters):
                return name
        except OSError:
            continue
    return ""


@lru_cache(maxsize=64)
def _best_font(letters: frozenset[str]) -> str:
    """Return the path of the system's font that has the most of some letters; "" where Pillow's own has as many."""
    best, fewest = "", sum(not has_letters(_own(10), letter) for letter in letters)
    wanted = frozenset(map(ord, letters))
    for path in _system_fonts():
        if (lacking := len(wanted - _charmap(path))) < fewest:
            best, fewest = path, lacking
        if not fewest:
            break
    return best


@cache
def _system_fonts() -> list[str]:
    """Return the paths of the system's fonts, as matplotlib finds them, upright and regular ones first."""
    found = [one for one in import_module("matplotlib.font_manager").fontManager.ttflist if _BOXES not in one.name]

    def order(entry: Any) -> tuple[bool, bool, str]:
        """Return by what the fonts are sorted."""
        return entry.style != "normal", entry.weight not in (400, "normal", "regular"), entry.name

    return list(dict.fromkeys(entry.fname for entry in sorted(found, key=order)))


@lru_cache(maxsize=512)
def _charmap(path: str) -> frozenset[int]:
    """Return the numbers of the letters that a font has; none for a file that cannot be read."""
    try:
        ImageFont.truetype(path, 10)
        return frozenset(import_module("matplotlib.font_manager").get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _font_to_install(letter: str) -> str:
    """Return the name of a font that has a letter's script."""
    script, *_ = unicodedata.name(letter, "").split(" ") or [""]
    return _TO_INSTALL.get(script.partition("-")[0], _OTHER_FONT)


def _say_what_is_missing(letters: str, font: str) -> None:
    """Tell the user which letters pictures lack, and which font has them; once for each font."""
    if font not in _SAID:
        _SAID.add(font)
        line = (
            f"note: no font here has the letters {letters}, so that pictures give their number instead; install {font}"
        )
        print_error_line(line)


@cache
def _installed(path: str, size: float) -> Font:
    """Return a font of the system."""
    return ImageFont.truetype(path, size)
