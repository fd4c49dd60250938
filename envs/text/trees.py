"""Phrases of the Stanford Sentiment Treebank's trees: `(3 (2 The) (4 (3 best) (2 film)))`."""

import re
from collections.abc import Iterator

_PIECE = re.compile(r"\(([0-4]) |([^()\s]+)|\)")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


def phrases(content: str) -> Iterator[tuple[str, int]]:
    """Every phrase of every tree, one a line, with its grade from 0 (very negative) to 4 (very positive).

    A phrase comes as often as it stands in a tree; its grade is always the same.
    """
    for line in content.removesuffix("\n").split("\n"):
        yield from _phrases_of_tree(line)


def _phrases_of_tree(line: str) -> Iterator[tuple[str, int]]:
    """The phrases of a tree, each after those within it."""
    words: list[str] = []
    opened: list[tuple[int, int]] = []  # The grade of each open phrase, and how many words stand before it.
    for grade, word in _PIECE.findall(line):
        if grade:
            opened.append((int(grade), len(words)))
        elif word:
            words.append(_BRACKETS.get(word, word))
        else:
            finished, begin = opened.pop()
            yield " ".join(words[begin:]), finished
