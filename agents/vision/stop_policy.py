"""The stopper: what decides whether enough has been seen."""

from typing import Any

import torch
from torch import Tensor, nn

from glimpse.agents.options import StopOptions


class _Held(torch.autograd.Function):
    """Clamps to [-c, c]; a gradient that would push further out is cut off, one that leads back in passes."""

    @staticmethod
    def forward(ctx: Any, logit: Tensor, bound: Tensor) -> Tensor:
        """Clamp."""
        ctx.save_for_backward(logit, bound)
        return logit.clamp(-bound, bound)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """A descent follows minus the gradient, and so leaves the bounds where that has the logit's own sign."""
        (gradient,) = gradients
        logit, bound = ctx.saved_tensors
        return gradient.masked_fill((logit.abs() >= bound) & (logit * gradient < 0), 0.0), None


class Stopper(nn.Module):
    """Logit of stopping = Linear(Rect(Linear(h))), held within bounds -c and c that widen over the training.

    An early answer is bad before it has been learned, so that a free stopper is soon certain never to stop and then
    draws nothing from which it could learn otherwise. Held, it plays episodes of each length throughout, answers are
    learned for all of them, and the way back stays open (a tanh would close it).
    """

    bound: Tensor

    def __init__(self, memory_width: int, options: StopOptions) -> None:
        """Make a stopper for memories (..., D)."""
        super().__init__()
        self.options = options
        self.hidden, self.decide = nn.Linear(memory_width, options.width), nn.Linear(options.width, 1)
        self.register_buffer("bound", torch.tensor(options.start))

    def forward(self, memory: Tensor) -> Tensor:
        """(..., D) -> (...,), float32 in [-c, c]."""
        logit = self.decide(self.hidden(memory).relu()).squeeze(-1).float()
        held: Tensor = _Held.apply(logit, self.bound)
        return held

    def set_progress(self, progress: float) -> None:
        """Move the bound; `progress` is the share of training done, in [0, 1]."""
        self.bound.fill_(self.options.start + (self.options.end - self.options.start) * progress)
