"""ERASER's metrics of rationales: agreement with human rationales, and faithfulness to the agent's answers.

Source: DeYoung et al. (2020), "ERASER: a benchmark to evaluate rationalized NLP models", section 4, as its released
code computes them. Axes: D documents, of n words each (n differs), B texts, N classes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

KEEP_RATES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Fractions of a document's words over which ERASER averages faithfulness ("AOPC")."""


class PrecisionRecall(NamedTuple):
    """Precision, recall, and their harmonic mean F1, in [0, 1]."""

    precision: float
    recall: float
    f1: float


def f1_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall; 0 if one of them is 0."""
    return 2 * precision * recall / (precision + recall) if precision and recall else 0.0


def tokens_macro(predicted: Sequence[Bools], human_rationale: Sequence[Bools]) -> PrecisionRecall:
    """Compute word precision, recall and F1 of each document, and return their means over documents.

    Args:
        predicted: D arrays (n,), the words of the predicted rationales.
        human_rationale: D arrays (n,), the words of the human rationales. Precision or recall of no words is 0.
    """
    each = [
        _precision_recall(int((one & gold).sum()), int(one.sum()), int(gold.sum()))
        for one, gold in zip(predicted, human_rationale, strict=True)
    ]
    return PrecisionRecall(*np.mean(each, 0).tolist())


def tokens_micro(predicted: Sequence[Bools], human_rationale: Sequence[Bools]) -> PrecisionRecall:
    """Compute word precision, recall and F1 over the words of all documents together; see `tokens_macro`."""
    both = sum(int((one & gold).sum()) for one, gold in zip(predicted, human_rationale, strict=True))
    count, count_gold = (sum(int(one.sum()) for one in words) for words in (predicted, human_rationale))
    return _precision_recall(both, count, count_gold)


def spans_macro(
    predicted: Sequence[Bools], human_rationale: Sequence[Bools], threshold: float = 0.5
) -> PrecisionRecall:
    """Compute IOU-F1: a predicted span (consecutive words) matches if it overlaps a human span enough.

    Precision is the fraction of a document's predicted spans that match, averaged over documents that have any. Recall
    is the number of matching spans divided by the number of human spans, averaged over documents that have any of
    these. F1 is computed from both means, as in the released code.

    Args:
        predicted: D arrays (n,).
        human_rationale: D arrays (n,).
        threshold: smallest intersection over union, in words, with which spans match; above 0.
    """
    # The spans of all documents at once, in a row of words with a gap after each document.
    document = np.repeat(np.arange(len(predicted)), [len(one) + 1 for one in human_rationale])
    own, gold = (spans(_in_a_row(rationales)) for rationales in (predicted, human_rationale))
    match = _spans_that_match(own, gold, threshold)
    matched, count, count_gold = (
        np.bincount(document[some[:, 0]], minlength=len(predicted)) for some in (own[match], own, gold)
    )
    precision, recall = (_mean((matched[of > 0] / of[of > 0]).tolist()) for of in (count, count_gold))
    return PrecisionRecall(precision, recall, f1_score(precision, recall))


def spans(chosen: Bools) -> NDArray[np.int64]:
    """Find the spans of consecutive words.

    Args:
        chosen: (n,).

    Returns:
        (K, 2), the first word of each span, and the first word after it.
    """
    edges = np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], 1)


def average_precision(salience: Sequence[Floats], human_rationale: Sequence[Bools]) -> float:
    """Compute the average precision of words ranked by salience, averaged over documents.

    It is the mean precision at each word of the human rationale, as `sklearn.metrics.average_precision_score` has it.
    Documents whose human rationale has all words, or none, are left out.

    Args:
        salience: D arrays (n,), a score for each word.
        human_rationale: D arrays (n,).
    """
    curves = (_precision_recall_curve(one, gold) for one, gold in _mixed(salience, human_rationale))
    return _mean(float((np.diff(recall) * precision[1:]).sum()) for precision, recall in curves)


def auprc(salience: Sequence[Floats], human_rationale: Sequence[Bools]) -> float:
    """Compute ERASER's official `auprc`, averaged over documents.

    It is the area under the precision-recall curve by the trapezoid rule, as `sklearn.metrics.auc` has it of
    `precision_recall_curve`. The rule joins the curve's points by straight lines, from precision 1 at recall 0, which
    `average_precision` does not: where all words tie it is far larger. The same documents are left out.

    Args:
        salience: D arrays (n,), a score for each word.
        human_rationale: D arrays (n,).
    """
    curves = (_precision_recall_curve(one, gold) for one, gold in _mixed(salience, human_rationale))
    return _mean(float((np.diff(recall) * (precision[1:] + precision[:-1])).sum() / 2) for precision, recall in curves)


def probability_drop(full: Tensor, part: Tensor) -> Tensor:
    """Compute how much probability the class predicted from the whole text loses if only a part is read.

    With the rationale alone as the part, this is sufficiency (lower is better). With the text without its rationale,
    it is comprehensiveness (higher is better).

    Args:
        full: (B, N), class probabilities from whole texts.
        part: (B, N), class probabilities from parts.

    Returns:
        (B,).
    """
    answered = full.argmax(-1, keepdim=True)
    return (full.gather(-1, answered) - part.gather(-1, answered)).squeeze(-1)


def highest_scoring(scores: Floats, count: int) -> Bools:
    """Return which words are the `count` ones of (n,) with the largest scores; of equal scores the earlier word."""
    chosen = np.zeros(len(scores), np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return chosen


def words_to_keep(words: int, keep_rate: float) -> int:
    """Return the number of words at a keep rate: the nearest whole number, and at least one."""
    return max(1, round(keep_rate * words))


def _precision_recall(both: int, predicted: int, gold: int) -> PrecisionRecall:
    """Compute precision, recall and F1 from counts: words in both rationales, in the predicted, in the human one."""
    precision, recall = both / max(1, predicted), both / max(1, gold)
    return PrecisionRecall(precision, recall, f1_score(precision, recall))


def _precision_recall_curve(salience: Floats, gold: Bools) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return precision and recall of the words down to each score, highest first: K + 1 points, from 1 and 0.

    Args:
        salience: (n,), with K different scores; words of one score are taken together.
        gold: (n,), with at least one true.
    """
    order = np.argsort(-salience, kind="stable")
    last = np.flatnonzero(np.append(np.diff(salience[order]) != 0, True))  # of the words with one score
    both = gold[order].cumsum()[last]
    return np.append(1.0, both / (last + 1)), np.append(0.0, both / both[-1])


def _in_a_row(rationales: Sequence[Bools]) -> Bools:
    """Return the words of all rationales, (n,) each, with one that is not chosen after each."""
    return np.concatenate([np.zeros(0, np.bool_), *(np.append(one, False) for one in rationales)])


def _spans_that_match(own: NDArray[np.int64], gold: NDArray[np.int64], threshold: float) -> Bools:
    """Return which of the spans `own` (K, 2) match one of `gold` (G, 2); both are in order and do not overlap."""
    first = np.searchsorted(gold[:, 1], own[:, 0], side="right")
    count = np.searchsorted(gold[:, 0], own[:, 1], side="left") - first  # (K,), of spans that share words with it
    nth = np.repeat(np.arange(len(own)), count)
    one, other = own[nth], gold[np.arange(len(nth)) + np.repeat(first - count.cumsum() + count, count)]
    both = np.minimum(one[:, 1], other[:, 1]) - np.maximum(one[:, 0], other[:, 0])
    union = one[:, 1] - one[:, 0] + other[:, 1] - other[:, 0] - both
    match = np.zeros(len(own), np.bool_)
    match[nth[both >= threshold * union]] = True
    return match


def _mixed(salience: Sequence[Floats], human_rationale: Sequence[Bools]) -> list[tuple[Floats, Bools]]:
    """Return the documents whose human rationale has some words, but not all."""
    return [(one, gold) for one, gold in zip(salience, human_rationale, strict=True) if gold.any() and not gold.all()]


def _mean(values: Iterable[float]) -> float:
    """Return the mean; 0 if there are no values."""
    known = list(values)
    return sum(known) / len(known) if known else 0.0
