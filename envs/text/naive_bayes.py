"""A predictor that needs no training loop: naive Bayes over the words that it is given.

Axes: N texts, L words, V words of the vocabulary, C classes.
"""

import torch
from torch import Tensor

from glimpse.envs.text.ragged import Ragged


class NaiveBayes:
    """log p(y | words) of each class, from counts of words in training texts, each with one more than was counted."""

    def __init__(self, texts: list[Ragged], labels: Tensor, words: int, classes: int) -> None:
        """Count.

        Args:
            texts: N texts, or the first and the second ones of pairs, whose words are told apart.
            labels: (N,) int64.
            words: V.
            classes: C.
        """
        self.prior = (torch.bincount(labels, minlength=classes) + 1.0).log()
        counts = []
        for text in texts:
            label = labels.repeat_interleave(text.lengths)
            cells = torch.bincount(label * words + text.tokens.long(), minlength=classes * words)
            counts.append(cells.view(classes, words) + 1.0)
        share = torch.stack(counts)  # (texts, C, V)
        self.evidence = (share / share.sum(-1, keepdim=True)).log().transpose(1, 2)  # (texts, V, C)

    def to(self, device: torch.device) -> "NaiveBayes":
        """Move the counts to a device, and give itself."""
        self.prior, self.evidence = self.prior.to(device), self.evidence.to(device)
        return self

    def __call__(self, texts: list[Tensor], read: list[Tensor]) -> Tensor:
        """Logarithms of the classes' probabilities, given the words that are read.

        Args:
            texts: (..., L) int64 each, as many as it was made of.
            read: (..., L) bool each.

        Returns:
            (..., C).
        """
        total = self.prior
        for text, seen, evidence in zip(texts, read, self.evidence, strict=True):
            total = total + (evidence[text] * seen.unsqueeze(-1)).sum(-2)
        return total.log_softmax(-1)
