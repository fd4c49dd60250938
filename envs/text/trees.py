"""Parser of the Stanford Sentiment Treebank's trees, such as `(3 (2 The) (4 (3 best) (2 film)))`."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\(([0-4]) |([^()\s]+)|\)")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


def phrases(content: str) -> Iterator[tuple[str, int]]:
    """Yield every phrase with its grade from 0 (very negative) to 4 (very positive); there is a tree on each line.

    A phrase is repeated as often as it occurs in trees; its grade is always the same.
    """
    for line in content.removesuffix("\n").split("\n"):
        yield from _phrases_of_tree(line)


def _phrases_of_tree(line: str) -> Iterator[tuple[str, int]]:
    """Yield the phrases of a tree, each after those that it contains."""
    words: list[str] = []
    opened: list[tuple[int, int]] = []  # Grade of each open phrase, and the number of words before it.
    for grade, word in _TOKEN.findall(line):
        if grade:
            opened.append((int(grade), len(words)))
        elif word:
            words.append(_BRACKETS.get(word, word))
        else:
            finished, begin = opened.pop()
            yield " ".join(words[begin:]), finished
