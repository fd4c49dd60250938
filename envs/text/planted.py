"""Generated texts whose label depends on a few known words alone, so that the perfect rationale is known.

Of 20 words, one or two are key words ("marks") and the others distractors, drawn uniformly from 200. There are 40
marks, ten for each class. With one mark the label is its class; with two it is the sum of their classes modulo 4, so
that one of them alone carries no information about the label.
"""

import numpy as np

from glimpse.envs.data.splits import SPLIT_SEED
from glimpse.envs.text.rows import Rows

_TRAIN, _VALIDATION, _TEST = 10_000, 1_000, 2_000
_CLASSES, _WORDS, _DISTRACTORS, _MARKS = 4, 20, 200, 40


def planted(marks: int) -> tuple[Rows, Rows, Rows]:
    """Generate training, validation and test texts with `marks` (1 or 2) marks each; the same ones every time."""
    # NumPy promises never to change what RandomState draws.
    random = np.random.RandomState(SPLIT_SEED + marks)
    return _rows(random, _TRAIN, marks), _rows(random, _VALIDATION, marks), _rows(random, _TEST, marks)


def numbers() -> tuple[Rows, Rows, Rows]:
    """Generate number prediction: ten digits x_0 to x_9 with the label x_(x_0) (Yu et al., 2017, section 4.1)."""
    random = np.random.RandomState(SPLIT_SEED)
    return _numbers(random, _TRAIN), _numbers(random, _VALIDATION), _numbers(random, _TEST)


def _numbers(random: np.random.RandomState, count: int) -> Rows:
    number = random.randint(10, size=(count, 10))
    label = np.take_along_axis(number, number[:, :1], 1)[:, 0]
    human_rationale = np.zeros((count, 10), np.bool_)
    human_rationale[:, 0] = True
    np.put_along_axis(human_rationale, number[:, :1], True, 1)
    return Rows([" ".join(map(str, text)) for text in number.tolist()], label, evidence=list(human_rationale))


def _rows(random: np.random.RandomState, count: int, marks: int) -> Rows:
    words = random.randint(_DISTRACTORS, size=(count, _WORDS))
    mark = random.randint(_MARKS, size=(count, marks))
    position = random.random_sample((count, _WORDS)).argsort(1)[:, :marks]
    human_rationale = np.zeros((count, _WORDS), np.bool_)
    np.put_along_axis(human_rationale, position, True, 1)
    np.put_along_axis(words, position, _DISTRACTORS + mark, 1)
    texts = [" ".join(_spelled(word) for word in text) for text in words.tolist()]
    return Rows(texts, mark.sum(1) % _CLASSES, evidence=list(human_rationale))


def _spelled(word: int) -> str:
    """Spell a word: distractors are w0 to w199; mark k of class c = k mod 4 is "mKcC", such as m1c1."""
    mark = word - _DISTRACTORS
    return f"w{word}" if mark < 0 else f"m{mark}c{mark % _CLASSES}"
