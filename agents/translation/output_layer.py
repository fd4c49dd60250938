"""Output layer and its cross-entropy, which take most of the time of a small translator on a CPU.

Axes: N tokens, D width of the features, V tokens of the vocabulary.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from glimpse.agents.data_parallel import over_all_ranks

_CHUNK = 1 << 21
"""Number of logits computed at once: few enough to stay in a core's cache."""


class OutputLayer(nn.Module):
    """Linear output layer W h + b, with a row of W for each token."""

    def __init__(self, width: int, tokens: int, weight: nn.Parameter | None = None) -> None:
        """Make the layer; `weight` (V, D) is the embedding that it is tied to, if any."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(tokens, width) * width**-0.5) if weight is None else weight
        self.bias = nn.Parameter(torch.zeros(tokens))

    def forward(self, features: Tensor) -> Tensor:
        """Compute logits: (..., D) -> (..., V)."""
        return F.linear(features, self.weight, self.bias)


class TokenLoss(NamedTuple):
    """Loss of N tokens.

    total: mean loss to minimise, with label smoothing.
    cross_entropy: mean cross-entropy without smoothing, without gradient.
    right: share of tokens that were the likeliest.
    each: (N,), cross-entropy of each token, without gradient.
    """

    total: Tensor
    cross_entropy: Tensor
    right: Tensor
    each: Tensor


def token_loss(
    features: Tensor, label: Tensor, layer: OutputLayer, smoothing: float, bfloat16: bool, real: Tensor | None = None
) -> TokenLoss:
    """Compute the cross-entropy of tokens, with label smoothing (Szegedy et al., 2016).

    The gradient is computed together with the loss, chunk by chunk, so that no (N, V) matrix is kept.

    Args:
        features: (N, D).
        label: (N,) int64.
        layer: the output layer.
        smoothing: share of each label that is spread uniformly over all tokens, in [0, 1).
        bfloat16: whether matrix products are in bfloat16; the softmax never is.
        real: (N,) bool, the tokens that count; None for all. Others cost time, but no wait for a GPU to count them.
    """
    with torch.autocast(features.device.type, enabled=False):
        made = _ChunkedCrossEntropy.apply(features.float(), layer.weight, layer.bias, label, real, smoothing, bfloat16)
    return TokenLoss(*made)


class _ChunkedCrossEntropy(Function):
    """Cross-entropy whose forward pass also computes the gradient, a chunk of rows at a time."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        label: Tensor,
        real: Tensor | None,
        smoothing: float,
        bfloat16: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        kind = torch.bfloat16 if bfloat16 else weight.dtype
        wanted = any(ctx.needs_input_grad[:3])
        matrix, rows = weight.to(kind), max(16, _CHUNK // len(weight))
        tokens = len(weight)
        gradients = torch.empty_like(features), torch.zeros_like(weight), torch.zeros_like(bias)
        sums, each = features.new_zeros(3), features.new_empty(len(features))
        # Target probability of the label (beside `rest`), and of every token.
        sure, rest = 1 - smoothing, smoothing / tokens
        for at in range(0, len(features), rows):
            some, true = features[at : at + rows].to(kind), label[at : at + rows, None]
            counts = None if real is None else real[at : at + rows, None]
            # Logits of the chunk, and their log-normaliser.
            logits = torch.addmm(bias.to(kind), some, matrix.T).to(weight.dtype)
            best = logits.amax(-1, keepdim=True)
            at_label = logits.gather(1, true)
            mean = logits.mean(-1, keepdim=True) if smoothing else at_label
            right = at_label == best
            sums[2] += right.sum() if counts is None else (right & counts).sum()
            probability = logits.sub_(best).exp_()
            total = probability.sum(-1, keepdim=True)
            log_total = total.log() + best
            # The loss, with and without smoothing.
            missed, smooth = log_total - at_label, log_total - sure * at_label - smoothing * mean
            if counts is not None:
                missed, smooth = missed.where(counts, 0), smooth.where(counts, 0)
            sums[1] += missed.sum()
            each[at : at + rows] = missed[:, 0]
            sums[0] += smooth.sum()
            if not wanted:
                continue
            # The gradient of the logits is p minus the smoothed label; backpropagate it through the layer.
            gradient = probability.div_(total)
            if smoothing:
                gradient.sub_(rest)
            gradient.scatter_add_(1, true, torch.full_like(at_label, -sure))
            if counts is not None:
                gradient.masked_fill_(~counts, 0)
            logit_gradient = gradient.to(kind)
            gradients[0][at : at + rows] = logit_gradient @ matrix
            gradients[1].add_(logit_gradient.T @ some)
            gradients[2].add_(gradient.sum(0))
        own = features.new_full((), len(features)) if real is None else real.sum().to(features.dtype)
        count = over_all_ranks(own).clamp(min=1)
        ctx.save_for_backward(*gradients)
        ctx.count = count
        total_loss, cross_entropy, right = (sums / count).unbind()
        ctx.mark_non_differentiable(cross_entropy, right, each)
        return total_loss, cross_entropy, right, each

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        scale = gradient / ctx.count
        return (*(made * scale for made in ctx.saved_tensors), None, None, None, None)
