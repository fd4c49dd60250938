"""Loss of a recurrent agent's answers: the error of the last one, or of all of them.

Axes: T steps, B episodes, D memory, N classes, levels or labels.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.answer_kinds import AnswerKind
from glimpse.agents.classification_loss import weighed
from glimpse.agents.data_parallel import over_all_ranks
from glimpse.agents.episode import Episode


def last_answer_output(hidden: Tensor, episode: Episode) -> Tensor:
    """Select the output at each episode's last step: (T, B, D) -> (B, D)."""
    return hidden[episode.step_mask.sum(0) - 1, torch.arange(hidden.shape[1], device=hidden.device)]


def answer_loss(
    kind: AnswerKind,
    logits: Tensor,
    hidden: Tensor,
    classifier: nn.Module,
    episode: Episode,
    *,
    every_step: bool,
    smoothing: float,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Compute the mean error of the last answer, or of the answers of all steps taken.

    Args:
        kind: what answers are.
        logits: (B, N), of the last answer.
        hidden: (T, B, D), the outputs of all steps, from which the classifier computes all answers.
        classifier: (..., D) -> (..., N).
        episode: T steps of B episodes.
        every_step: whether all answers count instead of the last one.
        smoothing: label smoothing, in [0, 1).
        class_weights: (N,), weights of the classes; None for 1.

    Returns:
        A scalar.
    """
    if not every_step:
        return kind.mean_error(logits, episode.label, smoothing, class_weights)
    every, label = classifier(hidden).float().flatten(0, 1), repeated_label(episode.label, len(hidden))
    losses = weighed(kind.errors(every, label, smoothing), label, class_weights)
    return (losses * episode.step_mask.flatten()).sum() / over_all_ranks(episode.step_mask.sum())


def repeated_label(label: Tensor, steps: int) -> Tensor:
    """Return the labels of B episodes, (B,) or (B, N), at each of T steps: (T * B,) or (T * B, N)."""
    return label.expand(steps, *label.shape).flatten(0, 1)
