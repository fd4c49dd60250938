"""ERASER's measures of reasons: how well they agree with people's, and how faithful they are to an answer.

DeYoung et al. (2020), "ERASER: a benchmark to evaluate rationalized NLP models", section 4, as its released code
computes them. Axes: D documents, of n words each (n differs), B texts, N classes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of a document's words, of which the areas over perturbation curves are means."""


class Agreement(NamedTuple):
    """Precision, recall, and their harmonic mean F1, in [0, 1]."""

    precision: float
    recall: float
    f1: float


def harmonic(precision: float, recall: float) -> float:
    """F1; 0 where one of them is 0."""
    return 2 * precision * recall / (precision + recall) if precision and recall else 0.0


def tokens_macro(chosen: Sequence[Bools], marked: Sequence[Bools]) -> Agreement:
    """Of the words of each document, and of these the means: F1 is the mean of the documents' F1.

    Args:
        chosen: D arrays (n,), words that are named as reasons.
        marked: D arrays (n,), those that people named. Precision or recall of nothing is 0.
    """
    each = [
        _agreement(int((one & gold).sum()), int(one.sum()), int(gold.sum())) for one, gold in _pairs(chosen, marked)
    ]
    return Agreement(*np.mean(each, 0).tolist())


def tokens_micro(chosen: Sequence[Bools], marked: Sequence[Bools]) -> Agreement:
    """Of all words of all documents together; see `tokens_macro`."""
    both = sum(int((one & gold).sum()) for one, gold in _pairs(chosen, marked))
    return _agreement(both, sum(int(one.sum()) for one in chosen), sum(int(gold.sum()) for gold in marked))


def spans_macro(chosen: Sequence[Bools], marked: Sequence[Bools], threshold: float = 0.5) -> Agreement:
    """IOU-F1: of spans, words in a row, where one that is chosen matches if it overlaps one that is marked enough.

    Precision is the share of a document's chosen spans that match, a mean over documents with any; recall is as many in
    relation to its marked spans, a mean over documents with any of these. F1 is of both means, as in the released code.

    Args:
        chosen: D arrays (n,).
        marked: D arrays (n,).
        threshold: of intersection over union, of words, from which on spans match.
    """
    counts = [_matches(spans(one), spans(gold), threshold) for one, gold in _pairs(chosen, marked)]
    precision = _mean(matched / own for matched, own, _ in counts if own)
    recall = _mean(matched / gold for matched, _, gold in counts if gold)
    return Agreement(precision, recall, harmonic(precision, recall))


def spans(chosen: Bools) -> NDArray[np.int64]:
    """Words in a row of (n,): (K, 2), where each span begins, and where the first word after it is."""
    edges = np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], 1)


def average_precision(scores: Sequence[Floats], marked: Sequence[Bools]) -> float:
    """Area under the curve of precision over recall, as words are named in the order of their scores, best first.

    By steps (the mean precision at each marked word), a mean over documents; those where all words are marked, or none,
    are left out. `sklearn.metrics.average_precision_score`.
    """
    from sklearn.metrics import average_precision_score

    mixed = [(one, gold) for one, gold in zip(scores, marked, strict=True) if gold.any() and not gold.all()]
    return _mean(float(average_precision_score(gold, one)) for one, gold in mixed)


def lost(full: Tensor, part: Tensor) -> Tensor:
    """What the class that is likeliest from a whole text loses of its probability where a part alone is read.

    Of the reasons alone this is their sufficiency, which is good where it is low; of a text without them their
    comprehensiveness, which is good where it is high. Probabilities (B, N) twice -> (B,).
    """
    said = full.argmax(-1, keepdim=True)
    return (full.gather(-1, said) - part.gather(-1, said)).squeeze(-1)


def best_words(scores: Floats, count: int) -> Bools:
    """The `count` words of (n,) with the largest scores; of equal ones the earlier."""
    chosen = np.zeros(len(scores), np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return chosen


def share_of(words: int, share: float) -> int:
    """How many of so many words a share is: the nearest whole number, and at least one."""
    return max(1, round(share * words))


def _agreement(both: int, chosen: int, marked: int) -> Agreement:
    precision, recall = both / max(1, chosen), both / max(1, marked)
    return Agreement(precision, recall, harmonic(precision, recall))


def _pairs(chosen: Sequence[Bools], marked: Sequence[Bools]) -> Iterable[tuple[Bools, Bools]]:
    return zip(chosen, marked, strict=True)


def _matches(own: NDArray[np.int64], gold: NDArray[np.int64], threshold: float) -> tuple[int, int, int]:
    """How many own spans (K, 2) match one of (G, 2), K, and G."""
    begin, end = np.maximum(own[:, None, 0], gold[None, :, 0]), np.minimum(own[:, None, 1], gold[None, :, 1])
    both = (end - begin).clip(0)  # (K, G)
    union = np.diff(own) + np.diff(gold).T - both
    return int((both >= threshold * union).any(1).sum()), len(own), len(gold)


def _mean(values: Iterable[float]) -> float:
    """0 of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else 0.0
