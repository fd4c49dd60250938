"""Answers that are compared otherwise than as right or wrong: scores by correlation, and several labels by F1.

Axes: T steps, E examples of a batch, N of a split, M episodes of each, C labels.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.evaluation.correlation import fisher_interval, pearson, regression_metrics
from glimpse.evaluation.split_score import Score, score_of_errors


class ComparedScores:
    """Scores that M episodes on each of N examples predicted after each of T glimpses, beside the true ones."""

    def __init__(self) -> None:
        """Begin without episodes."""
        self._given: list[Tensor] = []
        self._true: list[Tensor] = []

    def add(self, episode: Episode) -> None:
        """Add M episodes on each of E examples."""
        given = episode.carry_forward(episode.action["score"]).float()
        self._given.append(given.view(len(given), -1, episode.copies))
        self._true.append(episode.label[:: episode.copies])

    def single_score(self, errors: Tensor) -> Score:
        """Return the mean score of the M episodes."""
        return _score_of_predictions(self._whole().unbind(-1), torch.cat(self._true).cpu())

    def averaged_score(self, errors: Tensor) -> Score:
        """Return the score of the mean of the M episodes."""
        return _score_of_predictions([self._whole().mean(-1)], torch.cat(self._true).cpu())

    def _whole(self) -> Tensor:
        """Return all predictions, (T, N, M)."""
        return torch.cat(self._given, 1).cpu()


class ComparedLabels:
    """Counts of rightly given, of given and of true labels, of each of M episodes and of their mean: (M + 1, 3, C)."""

    def __init__(self) -> None:
        """Begin without episodes."""
        self._counts: list[Tensor] = []

    def add(self, episode: Episode) -> None:
        """Add M episodes on each of E examples."""
        belief = episode.belief[-1].unflatten(0, (-1, episode.copies))  # (E, M, C)
        given = torch.cat([belief, belief.mean(1, keepdim=True)], 1) > 0.5
        true = episode.label[:: episode.copies, None].bool().expand_as(given)
        self._counts.append(torch.stack([(given & true).sum(0), given.sum(0), true.sum(0)], 1))

    def single_score(self, errors: Tensor) -> Score:
        """Return the score of errors (T, N), with the mean figures of the M episodes."""
        figures = [f1_of_counts(counts) for counts in self._whole()[:-1]]
        mean = {name: sum(one[name] for one in figures) / len(figures) for name in figures[0]}
        return replace(score_of_errors(errors), figures=mean)

    def averaged_score(self, errors: Tensor) -> Score:
        """Return the score of errors (T, N), with the figures of the mean of the M episodes."""
        return replace(score_of_errors(errors), figures=f1_of_counts(self._whole()[-1]))

    def _whole(self) -> Tensor:
        return torch.stack(self._counts).sum(0).cpu()


def compared_answers(action: Collection[str]) -> ComparedScores | ComparedLabels | None:
    """Return what compares the answers of an action with these names; None if they are right or wrong."""
    return ComparedScores() if "score" in action else ComparedLabels() if "labels" in action else None


def f1_of_counts(counts: Tensor) -> dict[str, float]:
    """Compute micro and macro F1 of counts (3, C): labels that are rightly given, given, and true.

    A label that is neither given nor true has an F1 of 0 in the mean over labels, as scikit-learn counts it.
    """
    right, given, true = counts.double()
    both = given + true
    each = 2 * right / both.clamp(min=1)
    return {"micro_f1": float(2 * right.sum() / both.sum().clamp(min=1)), "macro_f1": float(each.mean())}


def _score_of_predictions(predicted: Sequence[Tensor], true: Tensor) -> Score:
    """Return the score of predicted scores, (T, N) each, and true ones (N,): the mean of their metrics."""
    each = [regression_metrics(one[-1], true) for one in predicted]
    figures = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
    low, high = fisher_interval(figures["pearson"], len(true))
    after = [
        100 * (1 - sum(pearson(one[step], true) for one in predicted) / len(predicted))
        for step in range(len(predicted[0]) - 1)
    ]
    error = 100 * (1 - figures["pearson"])
    return Score(error, 100 * (1 - high), 100 * (1 - low), len(true), [*after, error], figures)
