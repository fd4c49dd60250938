"""Policy-gradient estimators as pure functions.

Axes: T steps, B episodes, M copies of each example (episode e * M + m is copy m of example e).
The estimator is the score function (Williams, 1992, "REINFORCE", theorem 1): the gradient of
`reinforce` is an unbiased estimate of the gradient of the expected return, whatever baseline that does not
depend on the action is subtracted.
"""

import math

import torch
from torch import Tensor


def gaussian_log_prob(place: Tensor, mean: Tensor, sigma: Tensor | float) -> Tensor:
    """Log-density of places under an isotropic Gaussian.

    Args:
        place: (..., 2), as sampled, before any clamping.
        mean: (..., 2).
        sigma: standard deviation, a number or a scalar tensor.

    Returns:
        (...,): -|place - mean|^2 / (2 sigma^2) - 2 log sigma - log 2 pi.
    """
    sigma = torch.as_tensor(sigma, dtype=mean.dtype, device=mean.device)
    distance = (place - mean).square().sum(-1)
    return -distance / (2 * sigma.square()) - 2 * sigma.log() - math.log(2 * math.pi)


def returns_to_go(reward: Tensor) -> Tensor:
    """Sum of rewards from each step to the end, undiscounted: (T, B) -> (T, B)."""
    return reward.flip(0).cumsum(0).flip(0)


def learned_baseline(returns: Tensor, value: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """Subtract a learned value (Mnih et al., 2014, equation 3 and below).

    Args:
        returns: (T, B).
        value: (T, B), the baseline's prediction, with its gradient.
        taken: (T, B) bool, False after an episode's end.

    Returns:
        The advantage (T, B), through which no gradient flows, and the squared error of the value, averaged over all
        steps taken, a scalar.
    """
    error = (value - returns.detach()).square() * taken
    return returns - value.detach(), error.sum() / taken.sum()


def moving_average_baseline(returns: Tensor, average: Tensor) -> Tensor:
    """Subtract an average of earlier batches, (T,) or a scalar; it must not have seen this batch: (T, B) -> (T, B)."""
    return returns - (average[:, None] if average.dim() else average)


def leave_one_out_baseline(returns: Tensor, copies: int) -> Tensor:
    """Subtract the mean return of the other copies of the same example (Kool et al., 2019; Mnih and Rezende, 2016).

    Args:
        returns: (T, E * M).
        copies: M, at least 2.

    Returns:
        (T, E * M).

    Raises:
        ValueError: with fewer than two copies there are no others.
    """
    if copies < 2:
        raise ValueError(f"leave-one-out needs at least 2 copies of each example, got {copies}")
    group: Tensor = returns.unflatten(-1, (-1, copies))
    others = (group.sum(-1, keepdim=True) - group) / (copies - 1)
    return (group - others).flatten(-2)


def self_critical_baseline(returns: Tensor, copies: int) -> Tensor:
    """Subtract the return of the example's first copy, which acted greedily (Rennie et al., 2017).

    Args:
        returns: (T, E * M); copy 0 of each example chose the mean place at each step.
        copies: M, at least 2.

    Returns:
        (T, E * M); zero for the greedy copies, which are therefore not reinforced, and M / (M - 1) times the
        difference for the others, so that an average over all copies, as in `reinforce`, stays unbiased.

    Raises:
        ValueError: with fewer than two copies nothing was sampled.
    """
    if copies < 2:
        raise ValueError(f"the self-critical baseline needs at least 2 copies of each example, got {copies}")
    group: Tensor = returns.unflatten(-1, (-1, copies))
    return ((group - group[..., :1]) * (copies / (copies - 1))).flatten(-2)


def reinforce(log_prob: Tensor, advantage: Tensor, taken: Tensor | None = None) -> Tensor:
    """The loss whose gradient is the REINFORCE estimate (Mnih et al., 2014, equation 3, negated).

    Args:
        log_prob: (T, B), of the actions taken, with its gradient.
        advantage: (T, B); no gradient flows through it.
        taken: (T, B) bool, False where there was no action to reinforce; all were by default.

    Returns:
        A scalar: minus the sum over steps of log_prob * advantage, averaged over episodes.
    """
    weighed = log_prob * advantage.detach()
    if taken is not None:
        weighed = weighed * taken
    return -weighed.sum(0).mean()


def generalised_advantage(reward: Tensor, value: Tensor, taken: Tensor, discount: float, trace: float) -> Tensor:
    """Advantage by exponentially weighed temporal differences (Schulman et al., 2016, equation 16).

    With `trace` 1 it is the discounted return less the value, with 0 one step's bootstrapped difference.

    Args:
        reward: (T, B).
        value: (T, B), of what was seen before each step; no gradient flows through it.
        taken: (T, B) bool, False after an episode's end, where the value is 0.
        discount: gamma in (0, 1].
        trace: lambda in [0, 1].

    Returns:
        (T, B), zero where `taken` is False.
    """
    value = value.detach() * taken
    after = torch.cat([value[1:], torch.zeros_like(value[:1])])
    difference = (reward + discount * after - value) * taken
    advantage, later = torch.empty_like(difference), torch.zeros_like(difference[0])
    for step in reversed(range(len(difference))):
        later = difference[step] + discount * trace * later
        advantage[step] = later
    return advantage


def clipped_surrogate(log_prob: Tensor, old: Tensor, advantage: Tensor, clip: float, taken: Tensor) -> Tensor:
    """The loss of proximal policy optimisation (Schulman et al., 2017, equation 7, negated).

    Args:
        log_prob: (T, B), of the actions taken, with its gradient.
        old: (T, B), of the same actions under the policy that took them.
        advantage: (T, B); no gradient flows through it.
        clip: how far the ratio of the two probabilities may leave 1.
        taken: (T, B) bool, False where there was no action.

    Returns:
        A scalar, the mean over the steps taken.
    """
    ratio = (log_prob - old.detach()).exp()
    gain = torch.minimum(ratio * advantage.detach(), ratio.clamp(1 - clip, 1 + clip) * advantage.detach())
    return -(gain * taken).sum() / taken.sum()
