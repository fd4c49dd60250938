"""Vocabulary: the known words and their numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 1
_SPECIAL = ("<pad>", "<unk>")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """V words; word 0 is padding, and word 1 stands for all unknown words.

    Attributes:
        words: The word of each number.
        tokenizer: What divides texts into these words, in JSON, where it was learned or read from a file; else None.
    """

    words: tuple[str, ...]
    tokenizer: str | None = field(default=None, compare=False)

    @cached_property
    def number(self) -> dict[str, int]:
        """Number of each word."""
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Return the number of each token, `UNKNOWN` for one that is not in the vocabulary."""
        return [self.number.get(token, UNKNOWN) for token in tokens]


def build_vocabulary(
    words: list[str],
    count: NDArray[np.int64],
    with_vector: Mapping[str, int],
    *,
    min_count: int,
    known: Literal["training", "splits", "all"],
    tokenizer: str | None = None,
) -> Vocabulary:
    """Choose the words of the vocabulary, in three groups.

    Words of training come first, by descending frequency and then alphabetically; then words of validation and test
    that have a vector, alphabetically; then all other words that have one, in the order of the vectors.

    Args:
        words: The W distinct words of all splits.
        count: (W,), how often each word occurs in training.
        with_vector: The words that have a vector; see `row_of`.
        min_count: How often a word without a vector must occur in training.
        known: The last group that is included.
        tokenizer: As in `Vocabulary`.
    """
    training, others = [], []
    for word, times in zip(words, count.tolist(), strict=True):
        if times >= min_count or (times and row_of(word, with_vector) is not None):
            training.append((-times, word))
        elif not times and known != "training" and row_of(word, with_vector) is not None:
            others.append(word)
    chosen = [word for _, word in sorted(training)] + sorted(others)
    if known == "all":
        there = set(chosen)
        chosen += [word for word in with_vector if word not in there]
    # A text may contain the very strings that stand for padding and unknown words.
    return Vocabulary((*_SPECIAL, *(word for word in chosen if word not in _SPECIAL)), tokenizer)


def row_of(word: str, rows: Mapping[str, int]) -> int | None:
    """Return the row of a word's vector: its own, or that of the lower-cased word; None if there is neither.

    A token of SentencePiece that begins a word, U+2581 `the`, has the vector of `the` where it has none of its own.
    """
    plain = word.removeprefix("\u2581")
    return next((rows[each] for each in (word, word.lower(), plain, plain.lower()) if each in rows), None)
