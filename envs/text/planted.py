"""Texts whose label hangs on a few known words among others that say nothing: what must be read is known.

Of 20 words, one or two are marks and the others distractors, each drawn evenly from 200. There are 40 marks, ten of
each class. With one mark the class is the mark's; with two it is the sum of theirs, modulo 4, so that neither of them
says anything alone.
"""

import numpy as np

from glimpse.envs.data.splits import SPLIT_SEED
from glimpse.envs.text.rows import Rows

_TRAIN, _VALIDATION, _TEST = 10_000, 1_000, 2_000
_CLASSES, _WORDS, _DISTRACTORS, _MARKS = 4, 20, 200, 40


def planted(marks: int) -> tuple[Rows, Rows, Rows]:
    """The three parts, the same each time; `marks` is how many of them a text has, 1 or 2."""
    # NumPy promises never to change what RandomState draws.
    random = np.random.RandomState(SPLIT_SEED + marks)
    return _rows(random, _TRAIN, marks), _rows(random, _VALIDATION, marks), _rows(random, _TEST, marks)


def numbers() -> tuple[Rows, Rows, Rows]:
    """Number prediction (Yu et al., 2017, section 4.1): ten numbers x_0 to x_9 below ten, whose class is x_(x_0)."""
    random = np.random.RandomState(SPLIT_SEED)
    return _numbers(random, _TRAIN), _numbers(random, _VALIDATION), _numbers(random, _TEST)


def _numbers(random: np.random.RandomState, count: int) -> Rows:
    number = random.randint(10, size=(count, 10))
    label = np.take_along_axis(number, number[:, :1], 1)[:, 0]
    marked = np.zeros((count, 10), np.bool_)
    marked[:, 0] = True
    np.put_along_axis(marked, number[:, :1], True, 1)
    return Rows([" ".join(map(str, text)) for text in number.tolist()], label, evidence=list(marked))


def _rows(random: np.random.RandomState, count: int, marks: int) -> Rows:
    words = random.randint(_DISTRACTORS, size=(count, _WORDS))
    mark = random.randint(_MARKS, size=(count, marks))
    place = random.random_sample((count, _WORDS)).argsort(1)[:, :marks]
    marked = np.zeros((count, _WORDS), np.bool_)
    np.put_along_axis(marked, place, True, 1)
    np.put_along_axis(words, place, _DISTRACTORS + mark, 1)
    texts = [" ".join(_spelled(word) for word in text) for text in words.tolist()]
    return Rows(texts, mark.sum(1) % _CLASSES, evidence=list(marked))


def _spelled(word: int) -> str:
    """Distractors are w0 to w199; mark 0 to 39 of class c = mark mod 4 is m0c0, m1c1 and so on."""
    mark = word - _DISTRACTORS
    return f"w{word}" if mark < 0 else f"m{mark}c{mark % _CLASSES}"
