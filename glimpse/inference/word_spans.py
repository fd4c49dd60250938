"""Spans of tokens in the text that they come from."""

import unicodedata
from collections.abc import Sequence

from glimpse.envs.text.characters import plain_word

Span = tuple[int, int]


def word_spans(text: str, tokens: Sequence[str]) -> list[Span | None]:
    """Find the tokens of a text in it, in order.

    Args:
        text: the text, as it was given.
        tokens: its tokens, which may be lower-cased, composed (NFC) or otherwise plain; see `characters.plain_word`.

    Returns:
        First and last position (exclusive) of each token in `text`; None for a token that is not found there.
    """
    plain, starts, ends = _plain_letters(text)
    spans: list[Span | None] = []
    at = 0
    for token in tokens:
        wanted = "".join(_plain(letters) for letters in _clusters(token))
        found = plain.find(wanted, at) if wanted else -1
        if found < 0:
            spans.append(None)
            continue
        at = found + len(wanted)
        spans.append((starts[found], ends[at - 1]))
    return spans


def _plain_letters(text: str) -> tuple[str, list[int], list[int]]:
    """Return a plain form of a text, with where in it each plain letter begins and ends."""
    plain, starts, ends, at = [], [], [], 0
    for letters in _clusters(text):
        form = _plain(letters)
        plain.append(form)
        starts += [at] * len(form)
        at += len(letters)
        ends += [at] * len(form)
    return "".join(plain), starts, ends


def _clusters(text: str) -> list[str]:
    """Divide a text into characters with their combining marks."""
    found: list[str] = []
    for letter in text:
        if found and unicodedata.category(letter)[0] == "M":
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _plain(letters: str) -> str:
    """Return one form of a character that all its spellings share; nothing for one that cannot be seen."""
    if letters.isascii():
        return letters.lower()
    plain = plain_word(letters).lower()
    return "" if unicodedata.category(plain[:1] or " ") in ("Cf", "Zs") else unicodedata.normalize("NFC", plain)
