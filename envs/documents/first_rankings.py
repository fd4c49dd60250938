"""Rankings with which questions begin, each computed once: a search of a whole store takes longer than a reader's step.

Axes: N questions, R of them, L sentences of a ranking.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Ranked = tuple[Tensor, Tensor]
"""Sentences (R, L) int64 and their scores (R, L) float32."""


class FirstRankings:
    """Rankings of questions before anything was opened, kept from the first time that one is asked for."""

    def __init__(self, questions: int, device: torch.device) -> None:
        """Begin with none of the questions ranked."""
        self._known = torch.zeros(questions, dtype=torch.bool, device=device)
        self._kept: Ranked | None = None

    def __call__(self, question: Tensor, rank: Callable[[Tensor], Ranked]) -> Ranked:
        """Return the rankings of questions.

        Args:
            question: (R,) int64 in [0, N).
            rank: ranks those at some places of `question`, (P,) int64; a ranking must not depend on the others.
        """
        missing = (~self._known[question]).nonzero()[:, 0]
        kept = self._kept
        if kept is None or len(missing):
            kept = self._kept = self._with(kept, question[missing], *rank(missing))
        return kept[0][question].long(), kept[1][question]

    def _with(self, kept: Ranked | None, question: Tensor, sentences: Tensor, scores: Tensor) -> Ranked:
        """Return what is kept, with the rankings of further questions written into it."""
        if kept is None:  # Numbers of sentences fit 32 bits.
            rows = (len(self._known), sentences.shape[1])
            numbers = torch.empty(rows, dtype=torch.int32, device=sentences.device)
            kept = numbers, torch.empty(rows, device=sentences.device)
        kept[0][question], kept[1][question] = sentences.int(), scores
        self._known[question] = True
        return kept
