"""Known words and their numbers."""

from typing import Literal

import numpy as np
import pytest

from glimpse.envs.text.vocabulary import Vocabulary, build_vocabulary, row_of

WORDS = ["rare", "b", "a", "unseen", "Film", "<unk>", "hidden"]
COUNT = np.array([1, 3, 3, 0, 1, 2, 0])
VECTORS = {"film": 0, "unseen": 1, "other": 2, "a": 3}


@pytest.mark.parametrize(
    ("known", "min_count", "expected"),
    [
        ("training", 1, ["a", "b", "Film", "rare"]),
        ("training", 2, ["a", "b", "Film"]),
        ("splits", 2, ["a", "b", "Film", "unseen"]),
        ("all", 2, ["a", "b", "Film", "unseen", "film", "other"]),
        ("splits", 4, ["a", "Film", "unseen"]),
    ],
)
def test_three_groups_of_words(
    known: Literal["training", "splits", "all"], min_count: int, expected: list[str]
) -> None:
    """Rare words go unless they have a vector; words of other splits come in only if they have one."""
    vocabulary = build_vocabulary(WORDS, COUNT, VECTORS, min_count=min_count, known=known)
    assert vocabulary.words == ("<pad>", "<unk>", *expected)


def test_words_have_numbers() -> None:
    """An unknown word has the number of <unk>."""
    vocabulary = Vocabulary(("<pad>", "<unk>", "a", "b"))
    assert vocabulary.encode(["b", "c", "a"]) == [3, 1, 2]


def test_capitalised_words_use_the_lower_cased_vector() -> None:
    """A capitalised word without a vector has that of the lower-cased word."""
    assert row_of("Film", VECTORS) == 0
    assert row_of("Film", {**VECTORS, "Film": 9}) == 9
    assert row_of("rare", VECTORS) is None
