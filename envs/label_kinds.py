"""Kinds of labels: a class, a score, or several labels at once; what is asked for, and what an answer is worth.

An environment with labels has one of them, and names none: `label_kind` chooses it. Its name is the task's option
`labels`. Axes: T steps, B lanes, N classes.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.options import LabelKindName


class LabelKind(ABC):
    """Kind of labels.

    name: the task's option `labels`.
    action: name of the answer in the action.
    answers: number of classes or sets of labels that are asked for; 0 for a score.
    """

    name: ClassVar[LabelKindName]
    action: ClassVar[str]
    answers: ClassVar[int] = 1

    @abstractmethod
    def space(self) -> spaces.Space[Any]:
        """Return the space of an answer."""

    @abstractmethod
    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return what an answer adds to the reward, in [0, 1]: (B,) float32."""

    @abstractmethod
    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest answer is wrong: (T, ..., N) and (...,), or (..., N), -> (T, ...) bool.

        Raises:
            ValueError: if answers are not right or wrong.
        """

    @abstractmethod
    def no_labels(self, count: int) -> Tensor:
        """Return labels of as many examples that have none: zeros of their type and shape."""


class ClassKind(LabelKind):
    """Label that is one of several classes; a right answer is worth 1."""

    name, action = "classes", "answer"

    def __init__(self, classes: int) -> None:
        """Remember the number of classes."""
        self.classes = classes

    def space(self) -> spaces.Space[Any]:
        """Return the numbers of the classes."""
        return spaces.Discrete(self.classes)

    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return 1 for a right answer, else 0."""
        return (answer == label).float()

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the likeliest class is not the label."""
        return belief.argmax(-1) != label

    def no_labels(self, count: int) -> Tensor:
        """Return (count,) int64."""
        return torch.zeros(count, dtype=torch.int64)


class ScoreKind(LabelKind):
    """Label that is a number; an answer is worth 1 less its error divided by the range of scores, at least 0."""

    name, action = "scores", "score"
    answers = 0

    def __init__(self, low: float, high: float) -> None:
        """Remember the lowest and the highest score."""
        self.low, self.high = low, high

    def space(self) -> spaces.Space[Any]:
        """Return the numbers between the lowest and the highest score."""
        return spaces.Box(self.low, self.high, (), np.float32)

    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return 1 less the relative error; the range may be 0."""
        return 1 - ((answer - label).abs() / ((self.high - self.low) or 1.0)).clamp(max=1).float()

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Raise ValueError."""
        raise ValueError("a score is neither right nor wrong: compare it")

    def no_labels(self, count: int) -> Tensor:
        """Return (count,) float32."""
        return torch.zeros(count)


class LabelSetKind(LabelKind):
    """Labels of which an example may have any number; an answer is worth the share of them that it decides rightly."""

    name, action = "many", "labels"

    def __init__(self, classes: int) -> None:
        """Remember the number of labels."""
        self.classes = classes

    def space(self) -> spaces.Space[Any]:
        """Return a bit for each label."""
        return spaces.MultiBinary(self.classes)

    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return the share of labels that are rightly given or left out."""
        return (answer == label).float().mean(-1)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Return whether the labels of a probability above 1/2 are not exactly the true ones."""
        return ((belief > 0.5) != label.bool()).any(-1)

    def no_labels(self, count: int) -> Tensor:
        """Return (count, N) int64."""
        return torch.zeros(count, self.classes, dtype=torch.int64)


def label_kind(classes: tuple[str, ...], scores: tuple[float, float] | None, many: bool) -> LabelKind:
    """Return the kind of labels of data.

    Args:
        classes: names of the classes, or of the labels of which an example may have several; none for scores.
        scores: the lowest and the highest score; None for classes.
        many: whether an example may have several labels.
    """
    if scores is not None:
        return ScoreKind(*scores)
    return LabelSetKind(len(classes)) if many else ClassKind(len(classes))
