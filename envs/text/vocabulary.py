"""Vocabulary: the known words and their numbers."""

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
    """V words; word 0 is padding, and word 1 stands for all unknown words.

    Attributes:
        words: The word of each number.
    """

    words: tuple[str, ...]

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
    return Vocabulary((*_SPECIAL, *(word for word in chosen if word not in _SPECIAL)))


def row_of(word: str, rows: Mapping[str, int]) -> int | None:
    """Return the row of a word's vector: its own, or that of the lower-cased word; None if there is neither."""
    row = rows.get(word)
    return rows.get(word.lower()) if row is None else row
