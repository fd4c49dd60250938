"""What is reinforced: the return of an episode, and what is subtracted from it, by the names that configs use.

Axes: T steps, B episodes, D memory, N classes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.episode import Episode

_AVERAGE_RATE = 0.01
"""Share of a new batch in the moving average."""


def credit(name: Literal["reward", "probability"], logits: Tensor, episode: Episode) -> Tensor:
    """The reward that is reinforced; `probability` puts p(label) where the world says right or wrong.

    Args:
        name: the option `credit`.
        logits: (B, N), of the last answer.
        episode: T steps of B episodes.

    Returns:
        (T, B).
    """
    if name == "reward":
        return episode.reward
    chance = answer_worth(name, logits, episode.label)
    ends = episode.taken & ~torch.cat([episode.taken[1:], torch.zeros_like(episode.taken[:1])])
    right = (episode.action["answer"] == episode.label).float()
    return episode.reward + (chance - right) * ends


def answer_worth(name: Literal["reward", "probability"], logits: Tensor, label: Tensor) -> Tensor:
    """What an answer is worth where a right one earns 1, by the option `credit`; no gradient flows through it.

    Args:
        name: `reward`, whether the likeliest class is right; or `probability`, the chance that the right one is given.
        logits: (..., B, N).
        label: (B,).

    Returns:
        (..., B) float32 in [0, 1].
    """
    if name == "reward":
        return (logits.argmax(-1) == label).float()
    chance: Tensor = logits.detach().softmax(-1)
    return chance.gather(-1, label.expand(logits.shape[:-1]).unsqueeze(-1)).squeeze(-1)


def subtract_baseline(
    name: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"],
    returns: Tensor,
    episode: Episode,
    hidden: Tensor,
    value: nn.Module,
    average: Tensor,
) -> tuple[Tensor, Tensor]:
    """The returns less a baseline.

    Args:
        name: the option `baseline`.
        returns: (T, B).
        episode: T steps of B episodes.
        hidden: (T, B, D), what a learned baseline reads; detach it, so that the error moves the baseline alone.
        value: a learned baseline, (..., D) -> (..., 1).
        average: (T,), the moving average of returns, updated in place after its use.

    Returns:
        The advantage (T, B), and the squared error of a learned baseline, a scalar, 0 for others.
    """
    no_error = returns.new_zeros(())
    match name:
        case "learned":
            return policy_gradient.learned_baseline(returns, value(hidden).squeeze(-1).float(), episode.taken)
        case "leave_one_out":
            return policy_gradient.leave_one_out_baseline(returns, episode.copies), no_error
        case "self_critical":
            return policy_gradient.self_critical_baseline(returns, episode.copies), no_error
        case "moving_average":
            advantage = policy_gradient.moving_average_baseline(returns, average.clone())
            average.lerp_(returns.mean(1), _AVERAGE_RATE)
            return advantage, no_error
        case "none":
            return returns, no_error
