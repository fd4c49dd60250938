"""Classification loss of recurrent agents: the cross-entropy of the last answer, or of all answers.

Axes: T steps, B episodes, D memory, N classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.episode import Episode


def last_answer_output(hidden: Tensor, episode: Episode) -> Tensor:
    """Select the output at each episode's last step: (T, B, D) -> (B, D)."""
    return hidden[episode.step_mask.sum(0) - 1, torch.arange(hidden.shape[1], device=hidden.device)]


def weighed(losses: Tensor, label: Tensor, class_weights: Tensor | None) -> Tensor:
    """Multiply losses (B,) of examples by the weights (N,) of their classes (B,), if there are any."""
    return losses if class_weights is None else losses * class_weights[label]


def mean_cross_entropy(logits: Tensor, label: Tensor, smoothing: float, class_weights: Tensor | None = None) -> Tensor:
    """Compute the mean cross-entropy of B answers, each times the weight of its class.

    The sum is divided by B, not by the weights of the batch, so that an example of weight 2 counts as two.

    Args:
        logits: (B, N).
        label: (B,).
        smoothing: label smoothing, in [0, 1).
        class_weights: (N,); None for 1.

    Returns:
        A scalar.
    """
    if class_weights is None:
        return F.cross_entropy(logits, label, label_smoothing=smoothing)
    losses = F.cross_entropy(logits, label, label_smoothing=smoothing, reduction="none")
    return weighed(losses, label, class_weights).mean()


def classification_loss(
    logits: Tensor,
    hidden: Tensor,
    classifier: nn.Module,
    episode: Episode,
    *,
    every_step: bool,
    smoothing: float,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Compute the cross-entropy of the last answer, or its mean over the answers of all steps taken.

    Args:
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
        return mean_cross_entropy(logits, episode.label, smoothing, class_weights)
    every = classifier(hidden).float().flatten(0, 1)
    label = episode.label.expand(len(hidden), -1).flatten()
    losses = F.cross_entropy(every, label, label_smoothing=smoothing, reduction="none")
    losses = weighed(losses, label, class_weights)
    return (losses * episode.step_mask.flatten()).sum() / episode.step_mask.sum()
