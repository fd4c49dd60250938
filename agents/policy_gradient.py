"""Policy-gradient estimators as pure functions.

Axes: T steps, B episodes, M rollouts of each example (episode e * M + m is rollout m of example e).
The estimator is the score function (Williams, 1992, "REINFORCE", theorem 1): the gradient of `reinforce` is an
unbiased estimate of the gradient of the expected return, for any baseline that does not depend on the action.
"""

import math

import torch
from torch import Tensor

from glimpse.agents.data_parallel import over_all_ranks


def gaussian_log_prob(location: Tensor, mean: Tensor, sigma: Tensor | float) -> Tensor:
    """Compute the log-density of locations under an isotropic Gaussian.

    Args:
        location: (..., D), as sampled, before any clamping; D is 2 in a picture.
        mean: (..., D).
        sigma: standard deviation, a number or a scalar tensor.

    Returns:
        (...,): -|location - mean|^2 / (2 sigma^2) - D log sigma - (D / 2) log 2 pi.
    """
    width = mean.shape[-1]
    sigma = torch.as_tensor(sigma, dtype=mean.dtype, device=mean.device)
    distance = (location - mean).square().sum(-1)
    return -distance / (2 * sigma.square()) - width * sigma.log() - width / 2 * math.log(2 * math.pi)


def returns_to_go(reward: Tensor) -> Tensor:
    """Sum the rewards from each step to the end, undiscounted: (T, B) -> (T, B)."""
    return reward.flip(0).cumsum(0).flip(0)


def learned_baseline(returns: Tensor, value: Tensor, step_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Subtract a learned value (Mnih et al., 2014, equation 3 and below).

    Args:
        returns: (T, B).
        value: (T, B), the predicted return, with its gradient.
        step_mask: (T, B) bool, False after an episode's end.

    Returns:
        The advantage (T, B), detached, and the value loss, a scalar: the squared error averaged over all steps taken.
    """
    error = (value - returns.detach()).square() * step_mask
    return returns - value.detach(), error.sum() / over_all_ranks(step_mask.sum())


def moving_average_baseline(returns: Tensor, average: Tensor) -> Tensor:
    """Subtract an average of earlier batches' returns.

    Args:
        returns: (T, B).
        average: (T,) or a scalar; this batch must not be part of it.

    Returns:
        The advantage (T, B).
    """
    return returns - (average[:, None] if average.dim() else average)


def leave_one_out_baseline(returns: Tensor, copies: int) -> Tensor:
    """Subtract the mean return of the example's other rollouts (Kool et al., 2019; Mnih and Rezende, 2016).

    Args:
        returns: (T, E * M).
        copies: M, at least 2.

    Returns:
        The advantage (T, E * M).

    Raises:
        ValueError: if there are fewer than two rollouts of each example.
    """
    if copies < 2:
        raise ValueError(f"leave-one-out needs at least 2 copies of each example, got {copies}")
    group: Tensor = returns.unflatten(-1, (-1, copies))
    others = (group.sum(-1, keepdim=True) - group) / (copies - 1)
    return (group - others).flatten(-2)


def self_critical_baseline(returns: Tensor, copies: int) -> Tensor:
    """Subtract the return of the example's first rollout, which is greedy (Rennie et al., 2017).

    Args:
        returns: (T, E * M); rollout 0 of each example took the greedy action at each step.
        copies: M, at least 2.

    Returns:
        The advantage (T, E * M): zero for the greedy rollouts, which are therefore not reinforced, and M / (M - 1)
        times the difference for the others, so that the mean over all rollouts in `reinforce` stays unbiased.

    Raises:
        ValueError: if there are fewer than two rollouts of each example, so that none is sampled.
    """
    if copies < 2:
        raise ValueError(f"the self-critical baseline needs at least 2 copies of each example, got {copies}")
    group: Tensor = returns.unflatten(-1, (-1, copies))
    return ((group - group[..., :1]) * (copies / (copies - 1))).flatten(-2)


def reinforce(log_prob: Tensor, advantage: Tensor, step_mask: Tensor | None = None) -> Tensor:
    """Compute the loss whose gradient is the REINFORCE estimate (Mnih et al., 2014, equation 3, negated).

    Args:
        log_prob: (T, B), of the actions taken, with its gradient.
        advantage: (T, B); no gradient flows through it.
        step_mask: (T, B) bool, False where there is no action to reinforce; all True by default.

    Returns:
        A scalar: minus the sum over steps of log_prob * advantage, averaged over episodes.
    """
    weighted = log_prob * advantage.detach()
    if step_mask is not None:
        weighted = weighted * step_mask
    return -weighted.sum(0).mean()


def generalised_advantage(
    reward: Tensor, value: Tensor, step_mask: Tensor, discount: float, gae_lambda: float
) -> Tensor:
    """Compute the generalised advantage estimate (Schulman et al., 2016, equation 16).

    With `gae_lambda` 1 it is the discounted return minus the value, with 0 the one-step temporal difference.

    Args:
        reward: (T, B).
        value: (T, B), the value of the state before each step; no gradient flows through it.
        step_mask: (T, B) bool, False after an episode's end, where the value is taken as 0.
        discount: gamma in (0, 1].
        gae_lambda: lambda in [0, 1].

    Returns:
        The advantage (T, B), zero where `step_mask` is False.
    """
    # Temporal differences; the value after an episode's last step is 0.
    value = value.detach() * step_mask
    after = torch.cat([value[1:], torch.zeros_like(value[:1])])
    difference = (reward + discount * after - value) * step_mask
    # Their discounted sum, from the last step backwards.
    advantage, later = torch.empty_like(difference), torch.zeros_like(difference[0])
    for step in reversed(range(len(difference))):
        later = difference[step] + discount * gae_lambda * later
        advantage[step] = later
    return advantage


def clipped_surrogate(log_prob: Tensor, old: Tensor, advantage: Tensor, clip: float, step_mask: Tensor) -> Tensor:
    """Compute the clipped loss of proximal policy optimisation (Schulman et al., 2017, equation 7, negated).

    Args:
        log_prob: (T, B), of the actions taken, with its gradient.
        old: (T, B), log-probabilities of the same actions under the policy that took them.
        advantage: (T, B); no gradient flows through it.
        clip: the range [1 - clip, 1 + clip] to which the ratio of the two probabilities is clipped.
        step_mask: (T, B) bool, False where there is no action.

    Returns:
        A scalar, the mean over the steps taken.
    """
    ratio = (log_prob - old.detach()).exp()
    gain = torch.minimum(ratio * advantage.detach(), ratio.clamp(1 - clip, 1 + clip) * advantage.detach())
    return -(gain * step_mask).sum() / over_all_ranks(step_mask.sum())
