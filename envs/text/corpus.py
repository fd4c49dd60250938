"""Many texts as numbered tokens, made without a loop over tokens.

Each different word (what stands between spaces) is numbered first, and then looked at once, however often it comes.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.text.tokens import BREAK, SENTENCE_ENDS, prepare


class Corpus(NamedTuple):
    """N texts of M tokens in all.

    Attributes:
        words: Every different token, W of them.
        tokens: (M,) int32, the numbers of the tokens of all texts, end to end.
        offsets: (N + 1,) int64: text n is tokens[offsets[n] : offsets[n + 1]].
        broken: (M,) bool: a break between sentences stands right before the token.
    """

    words: list[str]
    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    broken: NDArray[np.bool_]


def tokenise_all(texts: Iterable[str], splitter: Callable[[str], list[str]], lower: bool) -> Corpus:
    """Tokenise texts; `splitter` divides what stands between two spaces, as in `tokens.SPLITTERS`."""
    number = _numbering()
    flat, counts = array("i"), array("q")
    for text in texts:
        before = len(flat)
        flat.extend(map(number.__getitem__, prepare(text, lower).split()))
        counts.append(len(flat) - before)
    return _divided(list(number), np.frombuffer(flat, np.int32), ends(np.frombuffer(counts, np.int64)), splitter)


def _divided(
    words: list[str], flat: NDArray[np.int32], offsets: NDArray[np.int64], splitter: Callable[[str], list[str]]
) -> Corpus:
    """Put the tokens of each word in its place, and leave the breaks out."""
    number = _numbering()
    broken_off = number[BREAK]
    pieces, counts = array("i"), array("q")
    for word in words:
        divided = [BREAK] if word == BREAK else splitter(word)
        pieces.extend(map(number.__getitem__, divided))
        counts.append(len(divided))
    length = np.frombuffer(counts, np.int64)
    token_at = ends(length[flat])
    tokens = np.frombuffer(pieces, np.int32)[runs(ends(length)[flat], token_at)]
    offsets = token_at[offsets]
    real = tokens != broken_off
    broken = np.concatenate([[False], ~real[:-1]]) if len(real) else ~real
    return Corpus(list(number), tokens[real], ends(real)[offsets], broken[real])


def _numbering() -> dict[str, int]:
    """Gives each new key the next number from 0."""
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    return number


def ends(lengths: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N,) -> (N + 1,): where runs of these lengths begin and end when they lie end to end from 0."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def runs(starts: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Start, start + 1 and so on of each run, end to end.

    Args:
        starts: (N,).
        offsets: (N + 1,), where the runs begin and end in the result; see `ends`.
    """
    places = np.repeat(starts - offsets[:-1], np.diff(offsets))
    places += np.arange(len(places))
    return places


def sentence_starts(corpus: Corpus, by_marks: bool) -> NDArray[np.bool_]:
    """(M,) bool: a sentence begins with the token.

    That is so after a break; and, with `by_marks`, after full stops, exclamation and question marks, however many.
    """
    begins = corpus.broken.copy()
    begins[corpus.offsets[:-1]] = True
    if by_marks:
        mark = np.array([SENTENCE_ENDS.issuperset(word) for word in corpus.words], bool)[corpus.tokens]
        begins[1:] |= mark[:-1] & ~mark[1:]
    return begins
