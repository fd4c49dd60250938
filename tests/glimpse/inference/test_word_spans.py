"""Spans of tokens: what stands there in the text is the token, in every script and spelling."""

import pytest

from glimpse.envs.text.tokens import BREAK, dividing_unspaced, split_word, tokenise
from glimpse.inference.word_spans import word_spans

SPELLED = [
    ("The film doesn't  work.", "The|film|does|n't|work|."),
    ("at all....", "at|all|..."),
    ("Cafe\u0301 \u201cna\u00efve\u201d \u2014 it\u2019s", "Cafe\u0301|\u201c|na\u00efve|\u201d|\u2014|it|\u2019s"),
    ("\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u094b", "\u0928\u092e\u0938\u094d\u0924\u0947|\u0926\u094b"),
    ("\u0130stanbul \ufb01ne \u00bd", "\u0130stanbul|\ufb01ne|\u00bd"),
    ("a\u00adb", "a\u00adb"),
    ("\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd", "\U0001f469\u200d\U0001f467|\U0001f44d\U0001f3fd"),
    ("one<br />two", "one|two"),
]


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(("text", "spelled"), SPELLED)
def test_spans_by_hand(text: str, spelled: str, lower: bool) -> None:
    """The tokens of a text, plain and perhaps lower-cased, are found as they are spelled in it."""
    tokens = [token for token in tokenise(text, split_word, lower) if token != BREAK]
    spans = word_spans(text, tokens)
    assert [text[span[0] : span[1]] for span in spans if span] == spelled.split("|") and None not in spans


def test_letters_of_scripts_without_spaces() -> None:
    """Characters are found one by one, repeated ones in order."""
    text = "\u597d\u597d \u770b\u3002"
    tokens = tokenise(text, dividing_unspaced(split_word), True)
    assert word_spans(text, tokens) == [(0, 1), (1, 2), (3, 4), (4, 5)]


def test_a_token_that_is_not_there_has_no_span() -> None:
    """The ones after it are found all the same."""
    assert word_spans("a b c", ["a", "x", "c"]) == [(0, 1), None, (4, 5)]
    assert word_spans("", ["a"]) == [None] and word_spans("a", []) == []
