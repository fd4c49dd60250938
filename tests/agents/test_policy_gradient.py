"""Policy-gradient estimators: worked examples, and exact expectations over all outcomes of a small problem."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from glimpse.agents import policy_gradient as pg

# Two steps, three locations. The policy's second step depends on the initial location.
FIRST = torch.tensor([0.4, -0.3, 0.1], dtype=torch.float64)
SECOND = torch.tensor([[0.2, 0.0, -0.5], [1.0, -1.0, 0.3], [0.0, 0.7, 0.7]], dtype=torch.float64)
FIRST_REWARD = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
SECOND_REWARD = torch.tensor([[5.0, 3.0, 0.0], [2.0, 8.0, 1.0], [6.0, 4.0, 9.0]], dtype=torch.float64)
SEQUENCES = list(itertools.product(range(3), range(3)))
GREEDY = (0, 0)  # the likeliest location at each step

Path = tuple[int, int]
Policy = tuple[Tensor, Tensor]
Advantage = Callable[[Tensor, list[Path]], Tensor]


def policy() -> Policy:
    """Return the logits of the first location (3,), and of the second given each first (3, 3)."""
    return FIRST.clone().requires_grad_(), SECOND.clone().requires_grad_()


def log_prob(logits: Policy, paths: list[Path]) -> Tensor:
    """Return the log-probabilities (T, B) of the locations of B episodes."""
    one, two = logits[0].log_softmax(-1), logits[1].log_softmax(-1)
    return torch.stack([torch.stack([one[a], two[a, b]]) for a, b in paths], 1)


def returns(paths: list[Path]) -> Tensor:
    """Return the rewards to go (T, B)."""
    reward = torch.stack([torch.stack([FIRST_REWARD[a], SECOND_REWARD[a, b]]) for a, b in paths], 1)
    return pg.returns_to_go(reward)


def probability(paths: list[Path]) -> float:
    """Return the probability that sampled episodes take these paths."""
    return float(log_prob((FIRST, SECOND), paths).sum().exp())


def gradient(loss: Tensor, logits: Policy) -> Tensor:
    """Return the gradient with respect to all logits, (12,)."""
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, logits)])


def exact_gradient() -> Tensor:
    """Return the gradient of minus the expected return, from its definition."""
    logits = policy()
    each = [log_prob(logits, [path]).sum().exp() * returns([path])[0, 0] for path in SEQUENCES]
    return gradient(-torch.stack(each).sum(), logits)


def moments(advantage: Advantage, copies: int = 1, greedy_first: bool = False) -> tuple[Tensor, float]:
    """Return the estimate's mean (12,), and its total variance, over all outcomes of `copies` episodes."""
    mean, square = torch.zeros(12, dtype=torch.float64), 0.0
    for sampled in itertools.product(SEQUENCES, repeat=copies - greedy_first):
        paths = [GREEDY] * greedy_first + list(sampled)
        logits = policy()
        estimate = gradient(pg.reinforce(log_prob(logits, paths), advantage(returns(paths), paths)), logits)
        chance = probability(list(sampled))
        mean += chance * estimate
        square += chance * float(estimate.square().sum())
    return mean, square - float(mean.square().sum())


def value(paths: list[Path]) -> Tensor:
    """Return the expected return from each step on, (T, B): the best learned baseline."""
    two = (SECOND.softmax(-1) * SECOND_REWARD).sum(-1)
    one = (FIRST.softmax(-1) * (FIRST_REWARD + two)).sum()
    return torch.stack([torch.stack([one, two[a]]) for a, _ in paths], 1)


def nothing(gain: Tensor, paths: list[Path]) -> Tensor:
    """Return the returns without a baseline."""
    return gain


def constant(gain: Tensor, paths: list[Path]) -> Tensor:
    """Subtract a number for each step, as from earlier batches."""
    return pg.moving_average_baseline(gain, torch.tensor([7.0, 5.0], dtype=torch.float64))


def learned(gain: Tensor, paths: list[Path]) -> Tensor:
    """Subtract the expected return before the location is chosen."""
    return pg.learned_baseline(gain, value(paths), torch.ones_like(gain, dtype=torch.bool))[0]


def badly_learned(gain: Tensor, paths: list[Path]) -> Tensor:
    """Subtract a value that is far off, but does not depend on the chosen location."""
    wrong = torch.stack([torch.tensor([3.0, -4.0 + 9.0 * a], dtype=torch.float64) for a, _ in paths], 1)
    return pg.learned_baseline(gain, wrong, torch.ones_like(gain, dtype=torch.bool))[0]


def leave_one_out(gain: Tensor, paths: list[Path]) -> Tensor:
    """Subtract the mean return of the other rollouts."""
    return pg.leave_one_out_baseline(gain, len(paths))


def self_critical(gain: Tensor, paths: list[Path]) -> Tensor:
    """Subtract the return of the greedy rollout."""
    return pg.self_critical_baseline(gain, len(paths))


@pytest.mark.parametrize(
    ("advantage", "copies", "greedy_first"),
    [
        (nothing, 1, False),
        (nothing, 2, False),
        (constant, 1, False),
        (learned, 1, False),
        (badly_learned, 1, False),
        (leave_one_out, 2, False),
        (self_critical, 2, True),
        (self_critical, 3, True),
    ],
)
def test_reinforce_is_unbiased(advantage: Advantage, copies: int, greedy_first: bool) -> None:
    """The mean over all outcomes is the gradient of the expected return, whatever the baseline."""
    mean, _ = moments(advantage, copies, greedy_first)
    torch.testing.assert_close(mean, exact_gradient(), rtol=0, atol=1e-9)


def test_a_baseline_that_depends_on_the_action_is_biased() -> None:
    """The check of the test above can fail: an average that contains the return itself is biased."""
    mean, _ = moments(lambda gain, paths: gain - gain.mean(1, keepdim=True), copies=2)
    assert (mean - exact_gradient()).abs().max() > 0.1


def test_a_better_baseline_has_less_variance() -> None:
    """No baseline, a number for each step, and the value of the state."""
    without, with_constant, with_value = (moments(each)[1] for each in (nothing, constant, learned))
    assert with_value < 0.9 * with_constant < 0.9 * 0.5 * without


@pytest.mark.parametrize(("advantage", "greedy_first"), [(leave_one_out, False), (self_critical, True)])
def test_baselines_from_other_rollouts_have_less_variance(advantage: Advantage, greedy_first: bool) -> None:
    """They are compared with as many episodes without a baseline."""
    assert moments(advantage, 2, greedy_first)[1] < 0.7 * moments(nothing, 2)[1]


def test_gaussian_log_prob_by_hand() -> None:
    """Two worked values; sigma may be a number or a tensor."""
    location = torch.tensor([[0.3, -0.1], [0.0, 0.0]])
    mean = torch.tensor([[0.1, -0.1], [0.3, 0.4]])
    # -0.04 / (2 * 0.04) - 2 log 0.2 - log 2 pi, and -0.25 / (2 * 0.04) with the same rest.
    rest = 3.2188758 - 1.8378771
    expected = torch.tensor([-0.5 + rest, -3.125 + rest])
    torch.testing.assert_close(pg.gaussian_log_prob(location, mean, 0.2), expected)
    torch.testing.assert_close(pg.gaussian_log_prob(location, mean, torch.tensor(0.2)), expected)


def test_gaussian_score_equals_finite_differences_of_the_expected_reward() -> None:
    """The expectation is computed by quadrature in the plane, for the mean and for sigma."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    across, down = np.meshgrid(nodes, nodes)
    noise = torch.from_numpy(np.stack([across.ravel(), down.ravel()], -1))
    chance = torch.from_numpy(np.outer(weights, weights).ravel() / (2 * math.pi))

    def reward(location: Tensor) -> Tensor:
        x, y = location.unbind(-1)
        return torch.exp(-3 * (x - 0.2) ** 2 - 2 * (y + 0.1) ** 2) + x * y**2

    def expected_reward(parameters: Tensor) -> float:
        return float((chance * reward(parameters[:2] + parameters[2] * noise)).sum())

    parameters = torch.tensor([-0.3, 0.4, 0.25], dtype=torch.float64, requires_grad=True)
    location = (parameters[:2] + parameters[2] * noise).detach()
    log_density = pg.gaussian_log_prob(location, parameters[:2].expand(len(location), 2), parameters[2])
    # `reinforce` gives each episode the same weight; quadrature does not.
    loss = pg.reinforce(log_density[None], (len(location) * chance * reward(location))[None])
    (score,) = torch.autograd.grad(-loss, parameters)

    steps = 1e-5 * torch.eye(3, dtype=torch.float64)
    point = parameters.detach()
    differences = [(expected_reward(point + h) - expected_reward(point - h)) / 2e-5 for h in steps]
    torch.testing.assert_close(score, torch.tensor(differences, dtype=torch.float64), rtol=1e-7, atol=1e-8)
    assert score.abs().min() > 0.1


def test_returns_to_go_by_hand() -> None:
    """The return of a step is the sum of rewards from it on."""
    reward = torch.tensor([[1.0, 0.0], [0.5, -1.0], [2.0, 4.0]])
    assert pg.returns_to_go(reward).tolist() == [[3.5, 3.0], [2.5, 3.0], [2.0, 4.0]]


def test_learned_baseline_by_hand() -> None:
    """No gradient flows through the advantage, and masked steps do not count in the value loss."""
    gain = torch.tensor([[1.0, 0.0], [3.0, 7.0]])
    guess = torch.tensor([[0.5, 2.0], [3.0, 5.0]], requires_grad=True)
    step_mask = torch.tensor([[True, True], [True, False]])
    advantage, error = pg.learned_baseline(gain, guess, step_mask)
    assert advantage.tolist() == [[0.5, -2.0], [0.0, 2.0]] and not advantage.requires_grad
    assert error.item() == pytest.approx((0.25 + 4 + 0) / 3)  # without the 4 of the masked step
    (pull,) = torch.autograd.grad(error, guess)
    torch.testing.assert_close(pull, torch.tensor([[-1.0, 4.0], [0.0, 0.0]]) / 3)


def test_moving_average_by_hand() -> None:
    """The average is one number for each step, or one for all."""
    gain = torch.tensor([[1.0, 0.0], [3.0, 7.0]])
    assert pg.moving_average_baseline(gain, torch.tensor([0.5, 4.0])).tolist() == [[0.5, -0.5], [-1.0, 3.0]]
    assert pg.moving_average_baseline(gain, torch.tensor(1.0)).tolist() == [[0.0, -1.0], [2.0, 6.0]]


def test_leave_one_out_by_hand() -> None:
    """Each rollout is compared with the mean of its example's other rollouts."""
    gain = torch.tensor([[1.0, 2.0, 6.0, 0.0, 0.0, 9.0]])  # two examples of three rollouts
    assert pg.leave_one_out_baseline(gain, 3).tolist() == [[-3.0, -1.5, 4.5, -4.5, -4.5, 9.0]]


def test_self_critical_by_hand() -> None:
    """Each rollout is compared with its example's first, times 3/2 because one in three is not reinforced."""
    gain = torch.tensor([[1.0, 2.0, 6.0, 0.0, 0.0, 9.0]])  # the first of three rollouts is greedy
    assert pg.self_critical_baseline(gain, 3).tolist() == [[0.0, 1.5, 7.5, 0.0, 0.0, 13.5]]


@pytest.mark.parametrize("baseline", [pg.leave_one_out_baseline, pg.self_critical_baseline])
def test_one_rollout_is_refused(baseline: Callable[[Tensor, int], Tensor]) -> None:
    """A single rollout has no other one to be compared with."""
    with pytest.raises(ValueError, match="at least 2 copies.* got 1"):
        baseline(torch.zeros(2, 4), 1)


def test_reinforce_by_hand() -> None:
    """The loss is a sum over steps and a mean over episodes, with no gradient through the advantage."""
    chosen = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]], requires_grad=True)
    advantage = torch.tensor([[2.0, 1.0], [-1.0, 4.0]], requires_grad=True)
    loss = pg.reinforce(chosen, advantage)
    assert loss.item() == 1.5  # episodes: 2 - 3 = -1 and 2 + 2 = 4
    assert torch.autograd.grad(loss, chosen)[0].tolist() == [[-1.0, -0.5], [0.5, -2.0]]
    assert not pg.reinforce(chosen.detach(), advantage).requires_grad


def test_reinforce_leaves_out_masked_steps() -> None:
    """The mean is still over all episodes."""
    chosen = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]], requires_grad=True)
    advantage = torch.tensor([[2.0, 1.0], [-1.0, 4.0]])
    loss = pg.reinforce(chosen, advantage, torch.tensor([[True, True], [True, False]]))
    assert loss.item() == 0.5  # still a mean over both episodes: (-1 + 2) / 2
    assert torch.autograd.grad(loss, chosen)[0].tolist() == [[-1.0, -0.5], [0.5, 0.0]]


def test_generalised_advantage_by_hand() -> None:
    """Values 1/2 and 1/4, reward 1 at the end, discount 1/2, lambda 1/2; the second episode has one step."""
    reward = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    value = torch.tensor([[0.5, 0.5], [0.25, 9.0]])
    step_mask = torch.tensor([[True, True], [True, False]])
    advantage = pg.generalised_advantage(reward, value, step_mask, 0.5, 0.5)
    # Last step: 1 - 1/4. First: 0 + 1/2 * 1/4 - 1/2 = -3/8, plus 1/4 of 3/4.
    assert advantage.tolist() == [[-0.375 + 0.1875, 0.5], [0.75, 0.0]]


def test_the_advantage_without_bootstrapping_is_the_return_minus_the_value() -> None:
    """Lambda and discount are 1."""
    draw = torch.Generator().manual_seed(0)
    reward, value = torch.rand(5, 3, generator=draw), torch.rand(5, 3, generator=draw)
    advantage = pg.generalised_advantage(reward, value, torch.ones(5, 3, dtype=torch.bool), 1.0, 1.0)
    torch.testing.assert_close(advantage, pg.returns_to_go(reward) - value)


def test_the_clipped_surrogate_by_hand() -> None:
    """Ratios 2 and 1/2 are clipped to 1.2 and 0.8, with advantages of either sign; the masked step is left out."""
    old = torch.zeros(1, 5)
    log_prob = torch.tensor([[2.0, 2.0, 0.5, 0.5, 9.0]]).log().requires_grad_()
    advantage = torch.tensor([[1.0, -1.0, 1.0, -1.0, 1.0]])
    step_mask = torch.tensor([[True, True, True, True, False]])
    loss = pg.clipped_surrogate(log_prob, old, advantage, 0.2, step_mask)
    assert loss.item() == pytest.approx(-(1.2 - 2.0 + 0.5 - 0.8) / 4)
    (gradient,) = torch.autograd.grad(loss, log_prob)
    # Where the clipped term is the smaller one, the gradient is zero.
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.5, -0.125, 0.0, 0.0]]))
