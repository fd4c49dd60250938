"""Division of a document's lines into sentences, each with the line on which it begins."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from glimpse.envs.text.sentence_ends import ends_of_sentences
from glimpse.envs.text.tokens import split_word

_BEFORE_NAMES = frozenset("adm capt cmdr col ft gen gov hon lt maj mt pres rep rev sen sgt".split())
_BEFORE_NUMBERS = frozenset(
    "apr aug ca ch dec eq eqs feb fig figs jan jul jun mar no nos nov oct p pp ref refs sec sep sept vol vols".split()
)
_BEFORE_SMALL_LETTERS = frozenset("al approx bros cf co corp dept est inc ltd univ viz".split())
_BEGINNINGS = frozenset(
    "a after all although an and as at because before both but by during each even for from he her here his how "
    "however if in it its many most my no not now of on once one only or other our she since so some such that the "
    "their then there these they this those though thus to two under until we what when where which while who why "
    "with yes yet you your".split()
)
"""Words that begin a sentence, and hardly a name, when they have a capital letter."""
_OPENS, _CLOSES = "([{\"'\u201c\u2018\u201e\xab", ",;:)]}\"'\u201d\u2019\xbb"


class SourceLine(NamedTuple):
    """Line of a document: its number from 1 (the page's, in a PDF), and its text; an empty text ends a paragraph."""

    number: int
    text: str


def divide_into_sentences(lines: Iterable[SourceLine], abbreviations: bool = False) -> list[SourceLine]:
    """Divide lines into sentences, which end at marks (see `ends_of_sentences`) and with their paragraph.

    Args:
        lines: lines in order; those of a paragraph follow each other without an empty one between them.
        abbreviations: whether the dot of an initial or of a common abbreviation of English ends no sentence where the
            next word goes on, as in "George W. Bush"; data sets are divided at it.

    Returns:
        The sentences, with single spaces between words; the number is that of the line on which each begins.
    """
    found: list[SourceLine] = []
    first, words, may_go_on = 0, list[str](), False

    def close() -> None:
        if words:
            found.append(SourceLine(first, " ".join(words)))
            words.clear()

    for line in lines:
        if not line.text.strip():
            close()
        for word in line.text.split():
            if words and may_go_on and not _goes_on(words[-1], word):
                close()
            for part, ends in _parts(word):
                first = first if words else line.number
                words.append(part)
                may_go_on = ends and abbreviations and part[-1] in ".,;"
                if ends and not may_go_on:
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


def _goes_on(before: str, word: str) -> bool:
    """Return whether a sentence goes on with a word behind one with a dot that may be that of an abbreviation."""
    if before[-1] != ".":  # As in "Inc., which".
        return True
    short, begins = before.lstrip(_OPENS)[:-1], word.lstrip(_OPENS)
    first, known = begins[:1], short.lower()
    if any(map(str.isdigit, begins)) and known in _BEFORE_NUMBERS:
        return True
    if (first.islower() or first.isdigit()) and known in _BEFORE_SMALL_LETTERS:
        return True
    if (len(short) == 1 and short.isupper() and short != "I") or known in _BEFORE_NAMES:
        bare = begins.rstrip(_CLOSES).lower().partition("'")[0].partition("\u2019")[0]
        return first.islower() or (first.isupper() and bare not in _BEGINNINGS)
    return False
