"""The words that are told apart, and their numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 1
_SPECIAL = ("<pad>", "<unk>")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """V words. Word 0 is padding, and word 1 stands for all that are unknown.

    Attributes:
        words: The word of each number.
    """

    words: tuple[str, ...]

    @cached_property
    def number(self) -> dict[str, int]:
        """The number of each word."""
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The number of each token, `UNKNOWN` for one that is none of the words."""
        return [self.number.get(token, UNKNOWN) for token in tokens]


def build_vocabulary(
    words: list[str],
    count: NDArray[np.int64],
    with_vector: Mapping[str, int],
    *,
    min_count: int,
    known: Literal["training", "splits", "all"],
) -> Vocabulary:
    """Choose the words that are known.

    Those of training come first, the most frequent ones foremost and equal ones by the alphabet; then those of
    validation and test that have a vector, by the alphabet; then all others that have one, in the vectors' order.

    Args:
        words: The W different words of all splits.
        count: (W,) how often each comes in training.
        with_vector: The words that have a vector; see `row_of`.
        min_count: How often a word without a vector must come in training.
        known: Where the three groups end.
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
    # A text may hold the very words that stand for padding and the unknown.
    return Vocabulary((*_SPECIAL, *(word for word in chosen if word not in _SPECIAL)))


def row_of(word: str, rows: Mapping[str, int]) -> int | None:
    """The row of a word's vector: its own, or that of the word in small letters."""
    row = rows.get(word)
    return rows.get(word.lower()) if row is None else row
