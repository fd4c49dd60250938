"""Stop policy: the network that decides whether to stop and answer."""

from typing import Any

import torch
from torch import Tensor, nn

from glimpse.agents.options import StopOptions


class _BoundedLogit(torch.autograd.Function):
    """Clamp to [-c, c] that blocks only gradients which would push the logit further out."""

    @staticmethod
    def forward(ctx: Any, logit: Tensor, bound: Tensor) -> Tensor:
        """Return the logit (...,), clamped to [-bound, bound]."""
        ctx.save_for_backward(logit, bound)
        return logit.clamp(-bound, bound)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient except at a bound where a descent step, minus the gradient, has the sign of the logit."""
        (gradient,) = gradients
        logit, bound = ctx.saved_tensors
        return gradient.masked_fill((logit.abs() >= bound) & (logit * gradient < 0), 0.0), None


class StopPolicy(nn.Module):
    """Logit of stopping, Linear(ReLU(Linear(h))), clamped to bounds -c and c that widen during training.

    Before answers are learned, an early answer is a bad one. An unbounded stop policy would soon never stop, and would
    then have no episodes that stop early to learn from. With bounds, episodes of each length are played throughout, and
    answers are learned for all of them. Gradients that lead back from a bound pass, which a tanh would not let through.
    """

    bound: Tensor

    def __init__(self, memory_width: int, options: StopOptions) -> None:
        """Make a stop policy for memories (..., D), with `memory_width` D."""
        super().__init__()
        self.options = options
        self.hidden, self.decide = nn.Linear(memory_width, options.width), nn.Linear(options.width, 1)
        self.register_buffer("bound", torch.tensor(options.start))

    def forward(self, memory: Tensor) -> Tensor:
        """Return logits (...,), float32 in [-c, c], of memories (..., D)."""
        logit = self.decide(self.hidden(memory).relu()).squeeze(-1).float()
        bounded: Tensor = _BoundedLogit.apply(logit, self.bound)
        return bounded

    def set_progress(self, progress: float) -> None:
        """Move the bound along its schedule; `progress` is the fraction of training done, in [0, 1]."""
        self.bound.fill_(self.options.start + (self.options.end - self.options.start) * progress)
