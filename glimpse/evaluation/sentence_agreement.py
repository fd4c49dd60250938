"""Agreement of opened sentences with marked evidence, by sentences and by words, as ERASER scores rationales.

Axes: B questions, T opened sentences, G groups of evidence, H sentences of a group.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.envs.documents.question_data import NOTHING
from glimpse.envs.documents.ranking import is_among


class SentenceAgreement(NamedTuple):
    """Agreement for each question, (B,) float32 in [0, 1]; 0 where nothing was opened, or nothing is marked.

    Evidence is the sentences of all groups. ERASER's spans agree if they share half of their words: of whole sentences
    these are equal ones, so that its IOU-F1 is that of sentences.

    sentence_precision, sentence_recall, sentence_f1: of sentences.
    token_f1: of their words.
    """

    sentence_precision: Tensor
    sentence_recall: Tensor
    sentence_f1: Tensor
    token_f1: Tensor


def sentence_agreement(opened: Tensor, evidence: Tensor, lengths: Callable[[Tensor], Tensor]) -> SentenceAgreement:
    """Compare opened sentences with the evidence.

    Args:
        opened: (B, T) int64, different sentences; `NOTHING` for none.
        evidence: (B, G, H) int64, `NOTHING` for none.
        lengths: returns the number of words of sentences (B, C).
    """
    marked = _once(evidence.flatten(1))
    right = is_among(opened, marked) & (opened != NOTHING)
    parts = []
    for count in (lambda sentences: (sentences != NOTHING).float(), lengths):
        of_opened = count(opened).float() * (opened != NOTHING)
        total = (count(marked).float() * (marked != NOTHING)).sum(1)
        shared = (of_opened * right).sum(1)
        precision, recall = (shared / whole.clamp(min=1) for whole in (of_opened.sum(1), total))
        parts.append((precision, recall, 2 * precision * recall / (precision + recall).clamp(min=1e-9)))
    return SentenceAgreement(*parts[0], parts[1][2])


def _once(sentences: Tensor) -> Tensor:
    """Return sentences (B, M) of which each occurs once, `NOTHING` in the place of repetitions."""
    ordered = sentences.sort(1).values
    again = torch.zeros_like(ordered, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return ordered.masked_fill(again, NOTHING)
