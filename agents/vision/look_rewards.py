"""Rewards of single looks: what the next look changes.

Axes: T steps, B episodes.
"""

import torch
from torch import Tensor


def gains(errors: Tensor, step_mask: Tensor) -> Tensor:
    """Return by how much the error falls from each step to the next (Wang et al., 2020, "Glance and focus").

    Args:
        errors: (T, B), such as the cross-entropy of the answer after each look.
        step_mask: (T, B) bool, False after an episode's end.

    Returns:
        (T, B): errors[t] - errors[t + 1]; zero where no look follows.
    """
    fall = (errors[:-1] - errors[1:]) * step_mask[1:]
    return torch.cat([fall, torch.zeros_like(errors[:1])])


def rewards_after(reward: Tensor) -> Tensor:
    """Return the reward (T, B) of the step that follows each step; zero after the last."""
    return torch.cat([reward[1:], torch.zeros_like(reward[:1])])


def discounted(reward: Tensor, discount: float) -> Tensor:
    """Return the discounted sum of rewards from each step to the end: (T, B) -> (T, B)."""
    returns, later = torch.empty_like(reward), torch.zeros_like(reward[0])
    for step in reversed(range(len(reward))):
        later = reward[step] + discount * later
        returns[step] = later
    return returns
