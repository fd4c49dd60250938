"""Cross-entropy of classes that may have weights.

Axes: B answers, N classes.
"""

import torch.nn.functional as F
from torch import Tensor


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
