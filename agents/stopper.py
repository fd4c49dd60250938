"""The stopper: what decides whether enough has been seen."""

import torch
from torch import Tensor, nn

from glimpse.agents.options import StopOptions


class Stopper(nn.Module):
    """Logit of stopping = c tanh(Linear(Rect(Linear(h))) / c), whose bound c grows over the training.

    An early answer is bad before it has been learned, so that an unbounded stopper is soon certain never to stop and
    then draws nothing from which it could learn otherwise. With the bound there are episodes of each length
    throughout, and answers are learned for all of them.
    """

    bound: Tensor

    def __init__(self, memory_width: int, options: StopOptions) -> None:
        """Make a stopper for memories (..., D)."""
        super().__init__()
        self.options = options
        self.hidden, self.decide = nn.Linear(memory_width, options.width), nn.Linear(options.width, 1)
        self.register_buffer("bound", torch.tensor(options.start))

    def forward(self, memory: Tensor) -> Tensor:
        """(..., D) -> (...,), float32."""
        logit = self.decide(self.hidden(memory).relu()).squeeze(-1).float()
        bounded: Tensor = self.bound * torch.tanh(logit / self.bound)
        return bounded

    def set_progress(self, progress: float) -> None:
        """Move the bound; `progress` is the share of training done, in [0, 1]."""
        self.bound.fill_(self.options.start + (self.options.end - self.options.start) * progress)
