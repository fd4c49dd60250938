"""Where the characters of a word's plain form come from, in the word as it was written."""

import unicodedata
from typing import NamedTuple

from glimpse.envs.text.characters import kept_joiners, plain_letter, plain_word, windows_letter


class PlacedWord(NamedTuple):
    """A word in its plain form.

    text: (n characters), as `plain_word` returns it.
    begins, ends: character k comes from written[begins[k] : ends[k]].
    """

    text: str
    begins: list[int]
    ends: list[int]


def place_plain_word(written: str, lower: bool, kept: bool) -> PlacedWord:
    """Return the plain form of a word, in lower case if `lower`, with the places of its characters.

    Letters and marks that were composed have the place of all of them.

    Args:
        written: The word.
        lower: Whether it is lower-cased.
        kept: Whether letters and marks are composed (NFC) and nothing else is done, as in texts of tokens.
    """
    lowered = written.lower() if lower else written
    text = unicodedata.normalize("NFC", lowered) if kept else plain_word(lowered)
    if text == written:
        return PlacedWord(text, list(range(len(text))), list(range(1, len(text) + 1)))
    letters = [_Letter(letter, at, at + 1) for at, letter in enumerate(written)]
    if lower:
        letters = _lowered(letters, lowered)
    if kept:
        letters = _composed(letters)
    else:
        letters = [one._replace(text=letter) for one in letters for letter in windows_letter(one.text)]
        letters = [one._replace(text=letter) for one in _composed(letters) for letter in plain_letter(one.text)]
        kept_places = kept_joiners("".join(one.text for one in letters))
        letters = [letters[place] for place in kept_places]
    if "".join(one.text for one in letters) != text:  # Nothing of the word can be seen, so that it stays as it is.
        return PlacedWord(text, [0] * len(text), [len(written)] * len(text))
    return PlacedWord(text, [one.begin for one in letters], [one.end for one in letters])


class _Letter(NamedTuple):
    """A character, and the place of those that it was made of."""

    text: str
    begin: int
    end: int


def _lowered(letters: list[_Letter], lowered: str) -> list[_Letter]:
    """Lower-case letters; a capital may become two characters."""
    origins = [one for one in letters for _ in one.text.lower()]
    return [one._replace(text=letter) for one, letter in zip(origins, lowered, strict=True)]


def _composed(letters: list[_Letter]) -> list[_Letter]:
    """Compose letters and their marks (NFC)."""
    found: list[_Letter] = []
    group: list[_Letter] = []
    for one in letters:
        if group and _is_border("".join(each.text for each in group), one.text):
            found, group = found + _composed_group(group), []
        group.append(one)
    return found + _composed_group(group)


def _is_border(before: str, letter: str) -> bool:
    """Return whether a letter is neither reordered nor composed with what stands before it."""
    if unicodedata.combining(letter):
        return False
    composed, alone = unicodedata.normalize("NFC", before + letter), unicodedata.normalize("NFC", letter)
    return composed == unicodedata.normalize("NFC", before) + alone and not _may_compose(letter)


def _may_compose(letter: str) -> bool:
    """Return whether a letter may still be composed with others before it, as the vowels of Korean syllables are."""
    return unicodedata.category(letter)[0] == "M" or "\u1160" <= letter <= "\u11ff"


def _composed_group(group: list[_Letter]) -> list[_Letter]:
    text = "".join(one.text for one in group)
    composed = unicodedata.normalize("NFC", text)
    if composed == text:
        return group
    return [_Letter(letter, group[0].begin, group[-1].end) for letter in composed]
