"""Text becomes the tokens of GloVe's words."""

import pytest

from glimpse.envs.text.tokens import BREAK, bare_word, keep_word, split_word, tokenise


@pytest.mark.parametrize(
    ("word", "tokens"),
    [
        ("film", "film"),
        ("doesn't", "does n't"),
        ("DOESN'T", "DOES N'T"),
        ("can\u2019t", "ca n't"),
        ("n't", "n't"),
        ("it's", "it 's"),
        ("'s", "'s"),
        ("we'll", "we 'll"),
        ("o'neill", "o'neill"),
        ("'tis", "' tis"),
        ("well-made", "well-made"),
        ("7.5/10", "7.5/10"),
        ("10,000,", "10,000 ,"),
        ("end.Then", "end . Then"),
        ("u.s.", "u.s."),
        ("Mr.", "Mr."),
        ("mr", "mr"),
        ("so.", "so ."),
        ("what....", "what ..."),
        ("..", ". ."),
        ("wait---no", "wait -- no"),
        ("films\u2014a", "films -- a"),
        ("a\x96b", "a \u2013 b"),
        ("(good)!!", "( good ) ! !"),
        ("``", "``"),
        ("''", "''"),
        ("\u201cyes\u201d", '" yes "'),
        ("$5.99", "$ 5.99"),
        ("a_b", "a _ b"),
        ("\u65e5\u672c", "\u65e5\u672c"),
        ("caf\xe9", "caf\xe9"),
        ("\x81", "\x81"),
    ],
)
def test_words_are_divided(word: str, tokens: str) -> None:
    """They are divided as in the Penn Treebank, and no word vanishes."""
    assert split_word(word) == tokens.split(" ")


@pytest.mark.parametrize("text", ["It's n't what you'd expect , Mr. O'Neill ... -- is it ?", "the u.s. `` hit ''"])
def test_what_is_divided_stays_so(text: str) -> None:
    """Tokenised text goes through unchanged."""
    once = tokenise(text, split_word, lower=False)
    assert tokenise(" ".join(once), split_word, lower=False) == once


def test_bare_words_have_no_punctuation_marks() -> None:
    """Marks of one character are dropped and longer ones stay, as in SNLI's validation and test files."""
    text = "A man 's `` good '' dog . - isn't it ?"
    assert tokenise(text, bare_word, lower=True) == "a man 's `` good '' dog is n't it".split()


def test_breaks_and_capitals() -> None:
    """<br /> and new lines divide words even without spaces around them."""
    assert tokenise("One<br /><br />Two\nthree", split_word, lower=True) == ["one", BREAK, BREAK, "two", BREAK, "three"]
    assert tokenise("One  Two", keep_word, lower=False) == ["One", "Two"]
    assert tokenise("It's", keep_word, lower=True) == ["it's"]
