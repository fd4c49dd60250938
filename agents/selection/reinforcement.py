"""Learning to choose by the score function, with the baselines of recurrent attention.

Axes: E texts, M choices of each, of which choice m of text e stands at e * M + m; B = E * M.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.episode import Episode
from glimpse.agents.returns import subtract_baseline
from glimpse.agents.selection.options import BaselineOptions


class Gain(NamedTuple):
    """policy: minus what is gained, a scalar; baseline: squared error of a learned baseline, 0 for others."""

    policy: Tensor
    baseline: Tensor


class Reinforcement(nn.Module):
    """Of M choices, each with a reward: REINFORCE, less a baseline."""

    average: Tensor

    def __init__(self, options: BaselineOptions, width: int) -> None:
        """Make it; a learned baseline reads `width` numbers."""
        super().__init__()
        self.options = options
        self.value = nn.Linear(width, 1) if options.baseline == "learned" else nn.Identity()
        self.register_buffer("average", torch.zeros(1))

    @property
    def greedy_first(self) -> bool:
        """Whether the first choice of each text must be the likeliest."""
        return self.options.baseline == "self_critical"

    def forward(self, log_prob: Tensor, reward: Tensor, seen: Tensor, episode: Episode) -> Gain:
        """What to minimise.

        Args:
            log_prob: (B,), of the choices, with its gradient.
            reward: (B,); no gradient flows through it.
            seen: (B, width), what a learned baseline reads; it gets no gradient.
            episode: of E texts.
        """
        taken = torch.ones_like(reward[None], dtype=torch.bool)
        drawn = replace(episode, copies=self.options.copies, taken=taken)
        hidden, returns = seen.detach()[None], reward.detach()[None]
        advantage, error = subtract_baseline(self.options.baseline, returns, drawn, hidden, self.value, self.average)
        return Gain(policy_gradient.reinforce(log_prob[None], advantage), error)
