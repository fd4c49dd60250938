"""Where the tokens of a text stand in it."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from glimpse.envs.text.plain_places import place_plain_word
from glimpse.envs.text.tokens import BREAK

_WORD, _LINE_BREAK = re.compile(r"\S+"), "<br />"


class Span(NamedTuple):
    """Part text[begin:end] of a text."""

    begin: int
    end: int


def word_spans(text: str, splitter: Callable[[str], list[str]], lower: bool, kept: bool, continues: str) -> list[Span]:
    """Find where the tokens of a text stand, whose words are divided by a splitter.

    Args:
        text: The text.
        splitter: Divides what stands between two spaces into tokens, in order.
        lower: Whether texts are lower-cased.
        kept: Whether the splitter leaves words as they are; see `place_plain_word`.
        continues: What tokens that continue a word may begin with, though the word has it not.

    Returns:
        The span of each token, in order; it includes characters that cannot be seen only within the token.
    """
    return [
        Span(found.start() + span.begin, found.start() + span.end)
        for found in _WORD.finditer(text.replace(_LINE_BREAK, " " * len(_LINE_BREAK)))
        if found[0] != BREAK
        for span in _spans(found[0], splitter, lower, kept, continues)
    ]


def _spans(
    written: str, splitter: Callable[[str], list[str]], lower: bool, kept: bool, continues: str
) -> Iterator[Span]:
    """Yield the span of each token within a word."""
    tokens = splitter(written.lower() if lower else written)
    if tokens == [written]:
        yield Span(0, len(written))
        return
    placed = place_plain_word(written, lower, kept)
    for begin, end in _places(placed.text, tokens, continues):
        yield Span(placed.begins[begin], placed.ends[end - 1])


def _places(text: str, tokens: Sequence[str], continues: str) -> Iterator[Span]:
    """Yield where tokens stand in the plain form of their word, in order."""
    place = 0
    for token in tokens:
        begin = text.find(token, place)
        continued = token.removeprefix(continues)
        if continued and continued != token and text.startswith(continued, place):
            begin, token = place, continued
        place = begin + len(token)
        # `...` and `--` stand for any greater number of dots and dashes too.
        while token in ("...", "--") and text.startswith(token[0], place):
            place += 1
        yield Span(begin, place)
