"""REINFORCE for selections of tokens, with the baselines of recurrent attention.

Axes: E texts, M selections of each; selection m of text e is at index e * M + m; B = E * M.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.selection.options import BaselineOptions


class ReinforceLoss(NamedTuple):
    """Losses of REINFORCE with a baseline, scalars.

    policy_loss: minus the mean of advantage times log-probability.
    value_loss: squared error of a learned baseline, 0 for others.
    """

    policy_loss: Tensor
    value_loss: Tensor


class Reinforcement(nn.Module):
    """REINFORCE with a baseline, for M selections of each text that have one reward each."""

    average: Tensor

    def __init__(self, options: BaselineOptions, width: int) -> None:
        """Make the baseline; a learned one reads vectors of `width` numbers."""
        super().__init__()
        self.options = options
        self.value = nn.Linear(width, 1) if options.baseline == "learned" else nn.Identity()
        self.register_buffer("average", torch.zeros(1))

    @property
    def greedy_first(self) -> bool:
        """True if the first selection of each text must be the greedy one."""
        return self.options.baseline == "self_critical"

    def forward(self, log_prob: Tensor, reward: Tensor, features: Tensor, real: Tensor | None = None) -> ReinforceLoss:
        """Compute the losses of B selections.

        Args:
            log_prob: (B,), of the selections, with its gradient.
            reward: (B,); no gradient flows through it.
            features: (B, width), the input of a learned baseline; it gets no gradient.
            real: (B,) bool, the selections that count; None for all.
        """
        if real is not None:
            count = real.sum().clamp(min=1)
            # What does not count changes no mean.
            reward = reward.where(real, (reward * real).sum() / count)
            log_prob = log_prob.where(real, 0) * (len(real) / count)
        # A selection is an episode of one step.
        step_mask = torch.ones_like(reward[None], dtype=torch.bool) if real is None else real[None]
        hidden, returns, copies = features.detach()[None], reward.detach()[None], self.options.copies
        advantage, value_loss = subtract_baseline(
            self.options.baseline, returns, step_mask, copies, hidden, self.value, self.average
        )
        return ReinforceLoss(policy_gradient.reinforce(log_prob[None], advantage), value_loss)
