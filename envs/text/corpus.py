"""Tokenisation of many texts into numbered tokens, without a loop over tokens.

Every distinct word (what stands between spaces) gets a number, and is then divided into tokens once, however often it
occurs.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.text.characters import count_unspaced
from glimpse.envs.text.sentence_ends import ends_of_sentences
from glimpse.envs.text.tokens import BREAK, prepare

_LONG = 7
"""Mean number of letters above which tokens of scripts without spaces are clauses, and not words."""


class Corpus(NamedTuple):
    """N texts of M tokens in all.

    Attributes:
        words: The W distinct tokens.
        tokens: (M,) int32, the numbers of the tokens of all texts, concatenated.
        offsets: (N + 1,) int64: text n is tokens[offsets[n] : offsets[n + 1]].
        broken: (M,) bool, True where a break between sentences comes right before the token.
        ends: (M,) bool, True where the token ends a sentence; see `ends_of_sentences`.
    """

    words: list[str]
    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    broken: NDArray[np.bool_]
    ends: NDArray[np.bool_]


def tokenise_all(
    texts: Iterable[str], splitter: Callable[[str], list[str]], lower: bool, missing_spaces: bool = False
) -> Corpus:
    """Tokenise texts.

    Args:
        texts: N texts.
        splitter: Divides what stands between two spaces into tokens, as those of `tokens.SPLITTERS`.
        lower: Whether texts are lower-cased.
        missing_spaces: See `ends_of_sentences`.
    """
    number = numbering()
    flat, counts = array("i"), array("q")
    for text in texts:
        before = len(flat)
        flat.extend(map(number.__getitem__, prepare(text, lower).split()))
        counts.append(len(flat) - before)
    offsets = offsets_of(np.frombuffer(counts, np.int64))
    return _divided(list(number), np.frombuffer(flat, np.int32), offsets, splitter, missing_spaces)


def _divided(
    words: list[str],
    flat: NDArray[np.int32],
    offsets: NDArray[np.int64],
    splitter: Callable[[str], list[str]],
    missing_spaces: bool,
) -> Corpus:
    """Replace each word by its tokens, and remove the breaks.

    Args:
        words: The distinct words.
        flat: Numbers of the words of all texts, concatenated.
        offsets: (N + 1,), where the texts begin and end in `flat`.
        splitter: Divides a word into tokens.
        missing_spaces: See `ends_of_sentences`.
    """
    # Divide each distinct word once.
    number = numbering()
    break_number = number[BREAK]
    parts, ends, counts = array("i"), bytearray(), array("q")
    for word in words:
        divided = [BREAK] if word == BREAK else splitter(word)
        parts.extend(map(number.__getitem__, divided))
        ends.extend(ends_of_sentences(divided, missing_spaces))
        counts.append(len(divided))
    # Look the tokens of all words up.
    length = np.frombuffer(counts, np.int64)
    token_at = offsets_of(length[flat])
    chosen = concatenate_ranges(offsets_of(length)[flat], token_at)
    tokens, ended = np.frombuffer(parts, np.int32)[chosen], np.frombuffer(ends, np.bool_)[chosen]
    offsets = token_at[offsets]
    # Remove the breaks, and note before which tokens they stood.
    real = tokens != break_number
    broken = np.concatenate([[False], ~real[:-1]]) if len(real) else ~real
    return Corpus(list(number), tokens[real], offsets_of(real)[offsets], broken[real], ended[real])


def lacks_spaces(corpus: Corpus) -> bool:
    """Return whether many tokens are whole clauses of a script without spaces between words, such as Chinese.

    That is so if tokens of several such letters are a tenth of all tokens or more; and if they are long, or fewer than
    half of them stand right beside another one: in texts that were divided into words before, most do.
    """
    letters = np.array([count_unspaced(word) for word in corpus.words], np.int64)[corpus.tokens]
    tokens, several = int((letters > 0).sum()), int((letters > 1).sum())
    if not several or 10 * several < len(letters):
        return False
    beside = (letters[1:] > 0) & (letters[:-1] > 0) & ~_text_begins(corpus)[1:]
    return 2 * int(beside.sum()) < tokens or int(letters.sum()) > _LONG * tokens


def _text_begins(corpus: Corpus) -> NDArray[np.bool_]:
    """Return with which tokens a text begins, (M,) bool."""
    begins = np.zeros(len(corpus.tokens), bool)
    first = corpus.offsets[:-1]
    begins[first[first < len(begins)]] = True  # The last texts may be empty.
    return begins


def numbering() -> dict[str, int]:
    """Return a dictionary that gives each new key the next number from 0."""
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    return number


def offsets_of(lengths: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """Compute where ranges of these lengths begin and end if they are concatenated: (N,) -> (N + 1,), from 0."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def concatenate_ranges(starts: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenate the ranges start, start + 1, ...

    Args:
        starts: (N,), the first number of each range.
        offsets: (N + 1,), where the ranges begin and end in the result; see `offsets_of`.
    """
    positions = np.repeat(starts - offsets[:-1], np.diff(offsets))
    positions += np.arange(len(positions))
    return positions


def sentence_starts(corpus: Corpus, by_marks: bool) -> NDArray[np.bool_]:
    """Return with which tokens a sentence begins, (M,) bool.

    A sentence begins after a break; and, with `by_marks`, after one or more marks that end one.
    """
    begins = corpus.broken | _text_begins(corpus)
    if by_marks:
        begins[1:] |= corpus.ends[:-1] & ~corpus.ends[1:]
    return begins
