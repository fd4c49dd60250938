"""Policy reward and baseline of REINFORCE, by the names of the options.

Axes: T steps, B episodes, D memory, N classes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.episode import Episode

_AVERAGE_RATE = 0.01
"""Weight of a new batch in the moving average of returns."""


def policy_reward(name: Literal["correct", "probability"], logits: Tensor, episode: Episode) -> Tensor:
    """Return the reward that REINFORCE maximises.

    `correct` is the environment's reward; `probability` replaces its 1 or 0 for the last answer by p(label).

    Args:
        name: the option `policy_reward`.
        logits: (B, N), of the last answer.
        episode: T steps of B episodes.

    Returns:
        The rewards (T, B).
    """
    if name == "correct":
        return episode.reward
    probability = answer_reward(name, logits, episode.label)
    ends = episode.step_mask & ~torch.cat([episode.step_mask[1:], torch.zeros_like(episode.step_mask[:1])])
    right = (episode.action["answer"] == episode.label).float()
    return episode.reward + (probability - right) * ends


def answer_reward(name: Literal["correct", "probability"], logits: Tensor, label: Tensor) -> Tensor:
    """Return the policy reward of answers, in [0, 1], detached.

    Args:
        name: the option `policy_reward`: `correct` is 1 if the likeliest class is right, `probability` is p(label).
        logits: (..., B, N).
        label: (B,).

    Returns:
        (..., B) float32 in [0, 1].
    """
    if name == "correct":
        return (logits.argmax(-1) == label).float()
    probability: Tensor = logits.detach().softmax(-1)
    return probability.gather(-1, label.expand(logits.shape[:-1]).unsqueeze(-1)).squeeze(-1)


def subtract_baseline(
    name: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"],
    returns: Tensor,
    step_mask: Tensor,
    copies: int,
    hidden: Tensor,
    value: nn.Module,
    average: Tensor,
) -> tuple[Tensor, Tensor]:
    """Subtract a baseline from the returns.

    Args:
        name: the option `baseline`.
        returns: (T, B).
        step_mask: (T, B) bool, False after an episode's end.
        copies: rollouts M of each example; episode e * M + m is rollout m of example e.
        hidden: (T, B, D), the input of a learned baseline; detached, so that the value loss trains the baseline only.
        value: the learned baseline, (..., D) -> (..., 1).
        average: (T,), the moving average of returns; updated in place after its use.

    Returns:
        The advantage (T, B), and the value loss of a learned baseline, a scalar; 0 for other baselines.
    """
    no_error = returns.new_zeros(())
    match name:
        case "learned":
            return policy_gradient.learned_baseline(returns, value(hidden).squeeze(-1).float(), step_mask)
        case "leave_one_out":
            return policy_gradient.leave_one_out_baseline(returns, copies), no_error
        case "self_critical":
            return policy_gradient.self_critical_baseline(returns, copies), no_error
        case "moving_average":
            advantage = policy_gradient.moving_average_baseline(returns, average.clone())
            average.lerp_(returns.mean(1), _AVERAGE_RATE)
            return advantage, no_error
        case "none":
            return returns, no_error
