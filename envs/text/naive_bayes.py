"""Naive Bayes classifier over a subset of the words of texts; it is fitted by counting.

Axes: N texts, L words, V words of the vocabulary, C classes.
"""

import torch
from torch import Tensor

from glimpse.envs.text.ragged import Ragged


class NaiveBayes:
    """Naive Bayes model log p(y | words) with add-one smoothing.

    class_counts: (C,), texts of each class. word_counts: (1 or 2, C, V), occurrences of each word in them.
    """

    def __init__(self, texts: list[Ragged], labels: Tensor, words: int, classes: int) -> None:
        """Fit the model to training texts.

        Args:
            texts: N texts; or the first and the second texts of N pairs, which have counts of their own.
            labels: (N,) int64.
            words: V.
            classes: C.
        """
        counts = []
        for text in texts:
            label = labels.repeat_interleave(text.lengths)
            cells = torch.bincount(label * words + text.tokens.long(), minlength=classes * words)
            counts.append(cells.view(classes, words))
        self._use(torch.bincount(labels, minlength=classes), torch.stack(counts))

    @classmethod
    def from_counts(cls, class_counts: Tensor, word_counts: Tensor) -> "NaiveBayes":
        """Return the model with the counts (C,) and (1 or 2, C, V), int64, of an earlier one."""
        model = cls.__new__(cls)
        model._use(class_counts, word_counts)
        return model

    def _use(self, class_counts: Tensor, word_counts: Tensor) -> None:
        """Estimate the probabilities from counts."""
        self.class_counts, self.word_counts = class_counts, word_counts
        self.prior = (class_counts + 1.0).log()
        count = word_counts + 1.0
        self.evidence = (count / count.sum(-1, keepdim=True)).log().transpose(1, 2)  # (texts, V, C)

    def to(self, device: torch.device) -> "NaiveBayes":
        """Move the model to a device, and return it."""
        self.prior, self.evidence = self.prior.to(device), self.evidence.to(device)
        return self

    def __call__(self, texts: list[Tensor], read: list[Tensor]) -> Tensor:
        """Compute the log probabilities of the classes, given the words that are read.

        Args:
            texts: (..., L) int64 each; one tensor, or two for pairs.
            read: (..., L) bool each, which of the words are read.

        Returns:
            (..., C), log probabilities.
        """
        total = self.prior
        for text, seen, evidence in zip(texts, read, self.evidence, strict=True):
            total = total + (evidence[text] * seen.unsqueeze(-1)).sum(-2)
        return total.log_softmax(-1)
