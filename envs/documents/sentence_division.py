"""Division of a document's lines into sentences, each with the line on which it begins."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from glimpse.envs.text.sentence_ends import ends_of_sentences
from glimpse.envs.text.tokens import split_word


class SourceLine(NamedTuple):
    """Line of a document: its number from 1 (the page's, in a PDF), and its text; an empty text ends a paragraph."""

    number: int
    text: str


def divide_into_sentences(lines: Iterable[SourceLine]) -> list[SourceLine]:
    """Divide lines into sentences, which end at marks (see `ends_of_sentences`) and with their paragraph.

    Args:
        lines: lines in order; those of a paragraph follow each other without an empty one between them.

    Returns:
        The sentences, with single spaces between words; the number is that of the line on which each begins.
    """
    found: list[SourceLine] = []
    first, words = 0, list[str]()

    def close() -> None:
        if words:
            found.append(SourceLine(first, " ".join(words)))
            words.clear()

    for line in lines:
        if not line.text.strip():
            close()
        for word in line.text.split():
            for part, ends in _parts(word):
                first = first if words else line.number
                words.append(part)
                if ends:
                    close()
    close()
    return found


def _parts(word: str) -> Iterator[tuple[str, bool]]:
    """Divide what stands between two spaces where a sentence ends in it; yield each part, and whether it ends there.

    Marks that stand after an end, such as quotation marks, belong to the sentence that ends.
    """
    tokens = split_word(word)
    ends = ends_of_sentences(tokens, missing_spaces=False)
    begin, at = 0, 0
    for number, token in enumerate(tokens):
        # A few characters are replaced in tokens, so that one may not be found: the word is then divided later.
        place = word.find(token, at)
        at = place + len(token) if place >= 0 else at
        if ends[number] and any(map(_has_letter, tokens[number + 1 : number + 2])):
            yield word[begin:at], True
            begin = at
    yield word[begin:], any(_last_run(tokens, ends))


def _has_letter(token: str) -> bool:
    return any(map(str.isalnum, token))


def _last_run(tokens: list[str], ends: list[bool]) -> Iterator[bool]:
    """Yield whether the tokens behind the last word or number end a sentence, from the last one on."""
    for token, end in zip(reversed(tokens), reversed(ends), strict=True):
        if _has_letter(token):
            return
        yield end
