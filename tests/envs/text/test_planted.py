"""Planted texts: the label depends on the words of the human rationale, and on nothing else."""

from pathlib import Path

import numpy as np
import pytest

from glimpse.envs.data.sources import SearchPath
from glimpse.envs.text.rows import Rows
from glimpse.envs.text.text_formats import read_text_set


def parts_of(name: str) -> list[Rows]:
    """Return training, validation and test texts."""
    read = read_text_set(name, SearchPath(Path(), Path()))
    assert read.validation is not None and read.test is not None
    return [read.train, read.validation, read.test]


@pytest.mark.parametrize(("name", "marks"), [("planted", 1), ("planted-pairs", 2)])
def test_marks_determine_the_label(name: str, marks: int) -> None:
    """The label is the sum of their classes modulo four; `marks` of 20 words are marked, anywhere."""
    for rows, count in zip(parts_of(name), (10_000, 1_000, 2_000), strict=True):
        assert len(rows.text) == count and rows.evidence is not None
        for text, label, human_rationale in zip(rows.text[:300], rows.label.tolist(), rows.evidence, strict=False):
            words = text.split()
            chosen = [word for word, gold in zip(words, human_rationale, strict=True) if gold]
            assert len(words) == 20 and len(chosen) == marks
            assert sum(int(word.partition("c")[2]) for word in chosen) % 4 == label
            assert all(word.startswith("w") for word, gold in zip(words, human_rationale, strict=True) if not gold)
        assert np.bincount(rows.label, minlength=4).min() > count / 5
        assert np.mean(rows.evidence, 0).min() > 0.02  # No position is without marks.


def test_one_of_two_marks_is_uninformative() -> None:
    """Given the class of the first mark, every label is about equally likely."""
    rows = parts_of("planted-pairs")[0]
    first = [next(word for word in text.split() if word.startswith("m")) for text in rows.text]
    own = np.array([int(word.partition("c")[2]) for word in first])
    shares = [np.bincount(rows.label[own == each], minlength=4) / (own == each).sum() for each in range(4)]
    assert np.abs(np.array(shares) - 0.25).max() < 0.03


def test_planted_texts_are_the_same_each_time() -> None:
    """No text of the test part is in training."""
    train, _, test = parts_of("planted")
    assert train.text[:3] == parts_of("planted")[0].text[:3]
    assert not set(train.text) & set(test.text)
