"""The output layer and its loss, which cost most of a small translator on a CPU.

Axes: N pieces, D width of what is read, V pieces of the vocabulary.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

_CHUNK = 1 << 21
"""Logits that are made at once: so many stay in a core's cache."""


class OutputLayer(nn.Module):
    """W h + b, with a row of W for each piece."""

    def __init__(self, width: int, pieces: int, weight: nn.Parameter | None = None) -> None:
        """Make it; `weight` (V, D) is that of an embedding which it is tied to, if any."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(pieces, width) * width**-0.5) if weight is None else weight
        self.bias = nn.Parameter(torch.zeros(pieces))

    def forward(self, features: Tensor) -> Tensor:
        """(..., D) -> logits (..., V)."""
        return F.linear(features, self.weight, self.bias)


class PieceLoss(NamedTuple):
    """Of N pieces. total: what is minimised, a mean; cross_entropy: without smoothing, a mean, without gradient.

    right: share of pieces that were the likeliest. each: cross-entropy of each piece, (N,), without gradient.
    """

    total: Tensor
    cross_entropy: Tensor
    right: Tensor
    each: Tensor


def piece_loss(features: Tensor, label: Tensor, layer: OutputLayer, smoothing: float, bfloat16: bool) -> PieceLoss:
    """Cross-entropy, a share `smoothing` of each label being given to all pieces alike (Szegedy et al., 2016).

    The gradient is made together with the loss, chunk by chunk, so that no (N, V) is ever kept.

    Args:
        features: (N, D).
        label: (N,) int64.
        layer: the output layer.
        smoothing: in [0, 1).
        bfloat16: whether products of matrices are made of bfloat16; what is between them never is.
    """
    with torch.autocast(features.device.type, enabled=False):
        made = _ChunkedCrossEntropy.apply(features.float(), layer.weight, layer.bias, label, smoothing, bfloat16)
    return PieceLoss(*made)


class _ChunkedCrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, label: Tensor, smoothing: float, bfloat16: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        kind = torch.bfloat16 if bfloat16 else weight.dtype
        wanted = any(ctx.needs_input_grad[:3])
        matrix, rows = weight.to(kind), max(16, _CHUNK // len(weight))
        pieces = len(weight)
        gradients = torch.empty_like(features), torch.zeros_like(weight), torch.zeros_like(bias)
        sums, each = features.new_zeros(3), features.new_empty(len(features))
        # Of the labels' share, and of the share of each piece.
        sure, rest = 1 - smoothing, smoothing / pieces
        for at in range(0, len(features), rows):
            some, true = features[at : at + rows].to(kind), label[at : at + rows, None]
            logits = torch.addmm(bias.to(kind), some, matrix.T).to(weight.dtype)
            best = logits.amax(-1, keepdim=True)
            at_label = logits.gather(1, true)
            mean = logits.mean(-1, keepdim=True) if smoothing else at_label
            sums[2] += (at_label == best).sum()
            probability = logits.sub_(best).exp_()
            total = probability.sum(-1, keepdim=True)
            log_total = total.log() + best
            missed = log_total - at_label
            sums[1] += missed.sum()
            each[at : at + rows] = missed[:, 0]
            sums[0] += (log_total - sure * at_label - smoothing * mean).sum()
            if not wanted:
                continue
            gradient = probability.div_(total)
            if smoothing:
                gradient.sub_(rest)
            gradient.scatter_add_(1, true, torch.full_like(at_label, -sure))
            turned = gradient.to(kind)
            gradients[0][at : at + rows] = turned @ matrix
            gradients[1].add_(turned.T @ some)
            gradients[2].add_(gradient.sum(0))
        count = max(1, len(features))
        ctx.save_for_backward(*gradients)
        ctx.count = count
        total_loss, cross_entropy, right = (sums / count).unbind()
        ctx.mark_non_differentiable(cross_entropy, right, each)
        return total_loss, cross_entropy, right, each

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        scale = gradient / ctx.count
        return (*(made * scale for made in ctx.saved_tensors), None, None, None)
