"""Phrases of the Stanford Sentiment Treebank's trees."""

from glimpse.envs.text.trees import phrases


def test_each_phrase_has_its_grade() -> None:
    """The phrases of a tree come from the inside out, and brackets among the words are restored."""
    trees = "(3 (2 A) (4 (3 good) (2 film)))\n(1 (2 -LRB-) (0 (1 not) (2 -RRB-)))\n"
    assert list(phrases(trees)) == [
        ("A", 2),
        ("good", 3),
        ("film", 2),
        ("good film", 4),
        ("A good film", 3),
        ("(", 2),
        ("not", 1),
        (")", 2),
        ("not )", 0),
        ("( not )", 1),
    ]
