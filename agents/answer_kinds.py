"""Kinds of answers, one for each kind of labels: a class, a score, or several labels at once.

A kind turns an agent's logits into answers, errors and rewards; `answer_kind` chooses it by the action's names, so that
an agent names none of them.

Axes: B answers, N classes, levels of a score, or labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor

from glimpse.agents.classification_loss import mean_cross_entropy, weighed

PolicyReward = Literal["correct", "probability"]


class AnswerKind(ABC):
    """Kind of answers of N logits.

    action: name of the answer in the action.
    outputs: N.
    """

    action: ClassVar[str]

    def __init__(self, outputs: int) -> None:
        """Remember the number of logits N."""
        self.outputs = outputs

    def act(self, logits: Tensor) -> dict[str, Tensor]:
        """Return the likeliest answer as a part of the action, from logits (..., N)."""
        return {self.action: self.answer(logits)}

    @abstractmethod
    def answer(self, logits: Tensor) -> Tensor:
        """Return the likeliest answer, (..., N) -> (...,), or (..., N) of several labels."""

    @staticmethod
    def belief(logits: Tensor) -> Tensor:
        """Return the probability of each class, level or label: (..., N) -> (..., N)."""
        return logits.float().softmax(-1)

    @staticmethod
    def choices(logits: Tensor) -> Tensor:
        """Return the logits (..., K, n) of K independent choices among n that an answer consists of."""
        return logits.unsqueeze(-2)

    @abstractmethod
    def errors(self, logits: Tensor, label: Tensor, smoothing: float = 0.0) -> Tensor:
        """Compute the error that training lowers, of each answer: logits (B, N) -> (B,)."""

    def mean_error(
        self, logits: Tensor, label: Tensor, smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        """Compute the mean of `errors`, each times the weight of its class if there are weights (N,): a scalar."""
        errors = self.errors(logits, label, smoothing)
        return (errors if class_weights is None else weighed(errors, label, class_weights)).mean()

    @abstractmethod
    def terms(self, logits: Tensor, label: Tensor, error: Tensor) -> dict[str, Tensor]:
        """Return the error, a scalar, and further metrics of answers (B, N) for the log, by name."""

    @abstractmethod
    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return what an answer is worth in the environment's reward, in [0, 1]."""

    def reward(self, name: PolicyReward, logits: Tensor, label: Tensor) -> Tensor:
        """Return the policy reward of the likeliest answers: logits (..., B, N) -> (..., B) in [0, 1], detached.

        Args:
            name: `correct` is what the environment gives; `probability` is the expected worth of an answer drawn from
                the agent's probabilities.
            logits: (..., B, N).
            label: (B,), or (B, N).
        """
        if name == "correct":
            return self.worth(self.answer(logits.detach()), label)
        return self.expected_worth(logits.detach(), label)

    @abstractmethod
    def expected_worth(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the expected worth of an answer drawn from the agent's probabilities, (..., B) in [0, 1]."""


class ClassAnswers(AnswerKind):
    """Answers that name one of N classes; a right one is worth 1."""

    action = "answer"

    def answer(self, logits: Tensor) -> Tensor:
        """Return the likeliest class, int64."""
        return logits.argmax(-1)

    def errors(self, logits: Tensor, label: Tensor, smoothing: float = 0.0) -> Tensor:
        """Compute the cross-entropy."""
        return F.cross_entropy(logits, label, label_smoothing=smoothing, reduction="none")

    def mean_error(
        self, logits: Tensor, label: Tensor, smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        """Compute the mean cross-entropy; see `mean_cross_entropy`."""
        return mean_cross_entropy(logits, label, smoothing, class_weights)

    def terms(self, logits: Tensor, label: Tensor, error: Tensor) -> dict[str, Tensor]:
        """Return `cross_entropy` and `accuracy`."""
        return {"cross_entropy": error, "accuracy": (logits.argmax(-1) == label).float().mean()}

    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return 1 for a right answer, else 0."""
        return (answer == label).float()

    def expected_worth(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the probability of the right class."""
        return logits.softmax(-1).gather(-1, label.expand(logits.shape[:-1]).unsqueeze(-1)).squeeze(-1)


class ScoreAnswers(AnswerKind):
    """Answers that are a score: the mean of levels 1 apart under the softmax (Tai et al., 2015, equation 15).

    An answer is worth 1 less its error divided by the range of scores, at least 0.
    """

    action = "score"

    def __init__(self, low: float, high: float, relatedness: Literal["squared", "divergence"] = "divergence") -> None:
        """Make answers between two scores.

        Args:
            low: the lowest score.
            high: the highest score.
            relatedness: the error: half the squared error of the score, or the KL divergence from its target on two
                levels.
        """
        super().__init__(round(high - low) + 1)
        self.low, self.high, self.relatedness = low, high, relatedness

    def answer(self, logits: Tensor) -> Tensor:
        """Return the expected score, float32."""
        return expected_score(logits, self.low)

    def errors(self, logits: Tensor, label: Tensor, smoothing: float = 0.0) -> Tensor:
        """Compute the error by its kind; there is no smoothing."""
        if self.relatedness == "divergence":
            return level_divergence(logits, label, self.low)
        return (expected_score(logits, self.low) - label).square() / 2

    def terms(self, logits: Tensor, label: Tensor, error: Tensor) -> dict[str, Tensor]:
        """Return `score_error`, and `score_distance`, the mean absolute error."""
        distance = (expected_score(logits, self.low) - label).abs().mean()
        return {"score_error": error, "score_distance": distance}

    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return 1 less the relative error."""
        return 1 - ((answer - label).abs() / ((self.high - self.low) or 1.0)).clamp(max=1).float()

    def expected_worth(self, logits: Tensor, label: Tensor) -> Tensor:
        """Raise ValueError: a score has no probability; options refuse it."""
        raise ValueError("a score has no probability: use the policy reward `correct`")


class LabelSetAnswers(AnswerKind):
    """Answers that give any of N labels, each by a probability of its own: those above 1/2 are given.

    An answer is worth the share of labels that are rightly given or left out.
    """

    action = "labels"

    def answer(self, logits: Tensor) -> Tensor:
        """Return which labels are given, (..., N) int64 of 0 and 1."""
        return (self.belief(logits) > 0.5).long()  # As evaluations decide, also where rounding matters.

    @staticmethod
    def belief(logits: Tensor) -> Tensor:
        """Return the probability of each label."""
        return logits.float().sigmoid()

    @staticmethod
    def choices(logits: Tensor) -> Tensor:
        """Return (..., N, 2), logits of giving each label, and of leaving it out."""
        return torch.stack([logits, torch.zeros_like(logits)], -1)

    def errors(self, logits: Tensor, label: Tensor, smoothing: float = 0.0) -> Tensor:
        """Compute the binary cross-entropy, the mean over labels (B, N)."""
        target = label.float() * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none").mean(-1)

    def terms(self, logits: Tensor, label: Tensor, error: Tensor) -> dict[str, Tensor]:
        """Return `cross_entropy`; `accuracy`, of whole answers; and `label_accuracy`, of single labels."""
        right = self.answer(logits) == label
        return {
            "cross_entropy": error,
            "accuracy": right.all(-1).float().mean(),
            "label_accuracy": right.float().mean(),
        }

    def worth(self, answer: Tensor, label: Tensor) -> Tensor:
        """Return the share of labels that are rightly given or left out."""
        return (answer == label).float().mean(-1)

    def expected_worth(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the mean over labels of the probability of the right decision."""
        given = self.belief(logits)
        return torch.where(label.bool(), given, 1 - given).mean(-1)


def answer_kind(
    action_space: spaces.Dict, relatedness: Literal["squared", "divergence"] = "divergence"
) -> ClassAnswers | ScoreAnswers | LabelSetAnswers:
    """Return the kind of answers that an action asks for: it has `answer`, `score` or `labels`.

    Args:
        action_space: of the environment.
        relatedness: the error of a score; see `ScoreAnswers`.
    """
    if "score" in action_space.spaces:
        score = cast(spaces.Box, action_space["score"])
        return ScoreAnswers(float(score.low.min()), float(score.high.max()), relatedness)
    if "labels" in action_space.spaces:
        return LabelSetAnswers(int(cast(spaces.MultiBinary, action_space["labels"]).shape[0]))
    return ClassAnswers(int(cast(spaces.Discrete, action_space["answer"]).n))


def belief_of(action: Collection[str], logits: Tensor) -> Tensor:
    """Return the probabilities (..., N) of logits (..., N), for an action with these names."""
    return LabelSetAnswers.belief(logits) if LabelSetAnswers.action in action else AnswerKind.belief(logits)


def expected_score(logits: Tensor, lowest: float) -> Tensor:
    """Compute the mean of the levels `lowest`, `lowest` + 1, ... under the softmax (Tai et al., 2015, equation 15).

    Args:
        logits: (..., N), of N levels.
        lowest: the first level.

    Returns:
        (...,) in [lowest, lowest + N - 1].
    """
    level = lowest + torch.arange(logits.shape[-1], device=logits.device, dtype=torch.float32)
    return logits.float().softmax(-1) @ level


def level_divergence(logits: Tensor, score: Tensor, lowest: float) -> Tensor:
    """Compute KL(target || softmax), where the target lies on the two levels next to the score.

    Tai et al. (2015), equations 16 and 17.

    Args:
        logits: (B, N), of N levels.
        score: (B,) in [lowest, lowest + N - 1].
        lowest: the first level.

    Returns:
        (B,).
    """
    level = torch.arange(logits.shape[-1], device=logits.device)
    target = (1 - (score.unsqueeze(-1) - lowest - level).abs()).clamp(min=0)
    return F.kl_div(logits.float().log_softmax(-1), target, reduction="none").sum(-1)
