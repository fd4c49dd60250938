"""Kinds of characters that the tokeniser tells apart, and one plain form of each word."""

import re
import unicodedata
from itertools import chain

_CODES = chain(range(0x300, 0x1F000), range(0xE0100, 0xE01F0))
MARKS = re.escape("".join(chr(code) for code in _CODES if unicodedata.category(chr(code))[0] == "M"))
"""Combining marks (accents, vowel signs, variation selectors), for a character class of a pattern."""
UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"  # Han, narrow Kana
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e80-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u103f\u1050-\u109f\uaa60-\uaa7f\ua9e0-\ua9ef\ua9fa-\ua9ff\u1780-\u17d3\u17d7"  # Burmese, Khmer
    "\u1950-\u19df\u1a20-\u1a5e\u1aa7\uaa80-\uaadf"  # Tai scripts
)
"""Letters of scripts that are written without spaces between words, for a character class of a pattern."""

# Windows-1252 punctuation that was decoded as control characters (\x85 already divides words).
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_PLAIN = {
    # Other quotes, hyphens and dashes than those of GloVe's words.
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\uff07\xb4", "'"),
    **dict.fromkeys("\u201c\u201d\u201f\uff02", '"'),
    **dict.fromkeys("\u2010\u2011", "-"),
    "\u2014": "--",
    # Spaces without width, which divide words in Thai and Khmer, and other characters that cannot be seen.
    "\u200b": " ",
    **dict.fromkeys("\u200e\u200f\u061c\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
}
_TABLE = str.maketrans(_PLAIN)
_JOINERS = re.compile("[\xad\u200c\u200d]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_FOLLOWING = "\u0e33\u0eb3\uff9e\uff9f"
"""Letters that belong to the one before: Thai and Lao am, and the voicing of narrow Kana."""
_STACKED = f"(?<=[\u1039\u17d2])[{UNSPACED}]"
"""Burmese and Khmer letters that stand below the one before."""
_PARTS = re.compile(f"[{UNSPACED}](?:[{MARKS}{_FOLLOWING}]|{_STACKED})*|(?:(?![{UNSPACED}]).)+", re.DOTALL)


def plain_word(word: str) -> str:
    """Return one form of the words that look alike; the word itself if nothing would be left of it.

    - Letters and their accents are composed (NFC).
    - Curly quotes become straight, hyphens `-`, and a long dash `--`.
    - Characters that cannot be seen are removed: direction marks, soft hyphens within words, and joiners (U+200C,
      U+200D), except between letters or within emoji. A space without width becomes a space.
    """
    if word.isascii():
        return word
    composed = unicodedata.normalize("NFC", word.translate(_WINDOWS)).translate(_TABLE)
    return _JOINERS.sub(_joiner, composed) if composed.strip() else word


def windows_letter(letter: str) -> str:
    """Return what a character becomes before letters are composed: the Windows punctuation it was, or itself."""
    return letter.translate(_WINDOWS)


def plain_letter(letter: str) -> str:
    """Return what a character becomes after letters were composed; perhaps nothing."""
    return letter.translate(_TABLE)


def kept_joiners(word: str) -> list[int]:
    """Return the places of a word's characters without the joiners that are removed."""
    removed = {place for found in _JOINERS.finditer(word) if not _joiner(found) for place in range(*found.span())}
    return [place for place in range(len(word)) if place not in removed]


def is_unspaced(word: str) -> bool:
    """Return whether a word has a letter of a script that is written without spaces between words."""
    return not word.isascii() and _UNSPACED.search(word) is not None


def has_surrogates(text: str) -> bool:
    """Return whether a text has half of a surrogate pair, which is no character and cannot be written as UTF-8."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def count_unspaced(word: str) -> int:
    """Return how many letters of such scripts a word has, not counting marks."""
    return 0 if word.isascii() else len(_UNSPACED.findall(word))


def divide_unspaced(word: str) -> list[str]:
    """Divide a word into its letters of such scripts, each with its marks, and what stands between them."""
    return _PARTS.findall(word) if is_unspaced(word) else [word]


def _joiner(match: re.Match[str]) -> str:
    """Return a joiner where it decides how its neighbours are read; nothing elsewhere."""
    joiner, text = match[0], match.string
    before, after = (
        unicodedata.category(each)[0] if each else "" for each in (text[: match.start()][-1:], text[match.end() :][:1])
    )
    if "\xad" in joiner:  # Some texts have a soft hyphen where a dash was meant.
        return "" if before in "LMN" and after in "LN" and before and after else joiner
    return joiner if before and after and before in "LMNS" and after in "LNS" else ""
