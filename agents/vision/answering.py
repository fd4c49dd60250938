"""What an answer is worth while it is learned: the cross-entropy of the last one, or of all.

Axes: T steps, B episodes, D memory, N classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.episode import Episode


def at_the_end(hidden: Tensor, episode: Episode) -> Tensor:
    """What is behind each episode's last answer, of the outputs (T, B, D): (B, D)."""
    return hidden[episode.taken.sum(0) - 1, torch.arange(hidden.shape[1], device=hidden.device)]


def answer_error(
    logits: Tensor, hidden: Tensor, classifier: nn.Module, episode: Episode, *, every_step: bool, smoothing: float
) -> Tensor:
    """Cross-entropy of the last answers' logits (B, N), or averaged over the answers of all steps taken.

    Args:
        logits: (B, N), of the last answer.
        hidden: (T, B, D), of which the classifier makes all answers.
        classifier: (..., D) -> (..., N).
        episode: T steps of B episodes.
        every_step: whether all answers count.
        smoothing: of labels.
    """
    if not every_step:
        return F.cross_entropy(logits, episode.label, label_smoothing=smoothing)
    every = classifier(hidden).float().flatten(0, 1)
    label = episode.label.expand(len(hidden), -1).flatten()
    losses = F.cross_entropy(every, label, label_smoothing=smoothing, reduction="none")
    return (losses * episode.taken.flatten()).sum() / episode.taken.sum()
