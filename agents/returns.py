"""Policy reward and baseline of REINFORCE, by the names of the options.

Axes: T steps, B episodes, D memory, N classes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from glimpse.agents import policy_gradient
from glimpse.agents.answer_kinds import AnswerKind, PolicyReward
from glimpse.agents.episode import Episode

_AVERAGE_RATE = 0.01
"""Weight of a new batch in the moving average of returns."""


def policy_reward(name: PolicyReward, kind: AnswerKind, logits: Tensor, episode: Episode) -> Tensor:
    """Return the reward that REINFORCE maximises.

    `correct` is the environment's reward; `probability` replaces what it gives for the last answer by the expected
    worth of an answer, such as p(label) of a class.

    Args:
        name: the option `policy_reward`.
        kind: what answers are.
        logits: (B, N), of the last answer.
        episode: T steps of B episodes.

    Returns:
        The rewards (T, B).
    """
    if name == "correct":
        return episode.reward
    probability = kind.reward(name, logits, episode.label)
    ends = episode.step_mask & ~torch.cat([episode.step_mask[1:], torch.zeros_like(episode.step_mask[:1])])
    return episode.reward + (probability - kind.worth(episode.action[kind.action], episode.label)) * ends


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
        average: (T or more,), the moving average of returns; updated in place after its use.

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
            advantage = policy_gradient.moving_average_baseline(returns, average[: len(returns)].clone())
            # After the last step that was played, nothing is returned.
            average.lerp_(nn.functional.pad(returns.mean(1), (0, len(average) - len(returns))), _AVERAGE_RATE)
            return advantage, no_error
        case "none":
            return returns, no_error
