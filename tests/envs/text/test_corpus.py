"""Tokenisation of many texts at once equals that of each alone."""

import numpy as np
import pytest

from glimpse.envs.text.corpus import concatenate_ranges, offsets_of, sentence_starts, tokenise_all
from glimpse.envs.text.tokens import BREAK, keep_word, split_word, tokenise

TEXTS = ["It's good.<br />Really good!!", "Good", "", "<br />So... no.Yes it is", "a\x00 b", "n't n't"]


def test_texts_at_once_are_texts_one_by_one() -> None:
    """The tokens are the same, without the breaks."""
    corpus = tokenise_all(TEXTS, split_word, lower=True)
    assert corpus.offsets[0] == 0 and corpus.offsets[-1] == len(corpus.tokens) == len(corpus.broken)
    for text, begin, end in zip(TEXTS, corpus.offsets[:-1], corpus.offsets[1:], strict=True):
        alone = [token for token in tokenise(text, split_word, lower=True) if token != BREAK]
        assert [corpus.words[number] for number in corpus.tokens[begin:end]] == alone
    assert len(set(corpus.words)) == len(corpus.words)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It is good. Really good!! No", ["it is good .", "really good ! !", "no"]),
        ("one<br />two . . . three", ["one", "two . . .", "three"]),
        ("so ... what? !", ["so ...", "what ? !"]),
        (". a", [".", "a"]),
        ("Mr. Smith paid 7.5 dollars", ["mr. smith paid 7.5 dollars"]),
    ],
)
def test_sentences_end_at_marks_and_breaks(text: str, sentences: list[str]) -> None:
    """Several marks in a row end one sentence."""
    corpus = tokenise_all(["before it", text], split_word, lower=True)
    begins = np.flatnonzero(sentence_starts(corpus, by_marks=True)).tolist()
    found = [
        " ".join(corpus.words[number] for number in corpus.tokens[begin:end])
        for begin, end in zip(begins, [*begins[1:], len(corpus.tokens)], strict=True)
    ]
    assert found == ["before it", *sentences]


def test_marks_do_not_count_where_lines_are_sentences() -> None:
    """Sentences begin after breaks, and at the beginning of a text."""
    corpus = tokenise_all([f"a . b {BREAK} c", "d"], keep_word, lower=True)
    assert sentence_starts(corpus, by_marks=False).tolist() == [True, False, False, True, True]


@pytest.mark.parametrize("texts", [["a", ""], ["", "a"], ["", ""], ["<br />", "a", "<br />"], []])
def test_texts_may_have_no_tokens(texts: list[str]) -> None:
    """A sentence begins with each text that has tokens."""
    corpus = tokenise_all(texts, split_word, lower=True)
    assert sentence_starts(corpus, by_marks=True).tolist() == [True] * texts.count("a")


def test_ranges_are_concatenated() -> None:
    """Empty ranges are allowed."""
    assert concatenate_ranges(np.array([5, 9, 0]), offsets_of(np.array([2, 0, 3]))).tolist() == [5, 6, 0, 1, 2]
    assert concatenate_ranges(np.array([], np.int64), offsets_of(np.array([], np.int64))).tolist() == []
