"""Tests of Bernoulli masks: values by hand, and REINFORCE against the exact gradient over all masks."""

from itertools import product

import torch
from torch import Tensor

from glimpse.agents.policy_gradient import leave_one_out_baseline, reinforce
from glimpse.agents.selection.bernoulli import count_transitions, entropy, keep_rate, log_prob, sample_mask, sparsity
from glimpse.agents.selection.sampler import SequenceSampler

P = torch.tensor([[0.9, 0.2, 0.5]])
KEPT = torch.tensor([[True, False, True]])
ALL = torch.ones(1, 3, dtype=torch.bool)


def test_log_probability_and_entropy_by_hand() -> None:
    """The log-probability is log .9 + log .8 + log .5; padding counts nowhere."""
    torch.testing.assert_close(log_prob(P.logit(), KEPT, ALL), torch.tensor([-1.021651]), atol=1e-6, rtol=0)
    torch.testing.assert_close(entropy(P.logit(), ALL), torch.tensor([1.518633]), atol=1e-6, rtol=0)
    first = torch.tensor([[True, False, False]])
    torch.testing.assert_close(log_prob(P.logit(), KEPT, first), torch.tensor([0.9]).log(), atol=1e-6, rtol=0)
    torch.testing.assert_close(keep_rate(KEPT, ALL), torch.tensor([2 / 3]))
    assert keep_rate(KEPT, ~ALL).item() == 0


def test_large_logits_keep_their_log_probability() -> None:
    """The probability of 1 - sigmoid(200) is 0 in float32, its logarithm -200."""
    found = log_prob(torch.tensor([[200.0, -200.0]]), torch.tensor([[False, False]]), ALL[:, :2])
    torch.testing.assert_close(found, torch.tensor([-200.0]))
    assert torch.isfinite(entropy(torch.tensor([[200.0, -200.0]]), ALL[:, :2])).all()


def test_reward_and_its_gradient_by_hand() -> None:
    """With error .3, cost .02 and keep rates 2/3 and 1/3, R = -.304444; the logits' gradient is R (z - p)."""
    heads, dependents = torch.tensor([2 / 3]), torch.tensor([1 / 3])
    reward = -0.3 - 0.02 * sparsity("product", heads, dependents)
    torch.testing.assert_close(reward, torch.tensor([-0.304444]), atol=1e-6, rtol=0)
    logits = P.logit().requires_grad_()
    reinforce(log_prob(logits, KEPT, ALL)[None], reward[None]).backward()
    assert logits.grad is not None
    expected = torch.tensor([[-0.030444, 0.060889, -0.152222]])
    torch.testing.assert_close(-logits.grad, expected, atol=1e-6, rtol=0)
    assert sparsity("sum", heads, dependents).item() == 1.0 and sparsity("mean", heads, dependents).item() == 0.5


def test_samples_have_their_probability() -> None:
    """A greedy mask keeps the tokens of probability 1/2 or more; padding is never kept, whatever its logit."""
    noise = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    logits, mask = P.logit().expand(20_000, 3), torch.ones(20_000, 3, dtype=torch.bool)
    torch.testing.assert_close(sample_mask(logits, mask, noise).float().mean(0), P[0], atol=0.012, rtol=0)
    assert sample_mask(logits[:1], mask[:1], noise[:1], greedy=True).tolist() == [[True, False, True]]
    mixed = sample_mask(logits[:2], mask[:2], noise[:2], greedy=torch.tensor([True, False]))
    assert torch.equal(mixed[1], sample_mask(logits[1:2], mask[1:2], noise[1:2])[0])
    assert mixed[0].tolist() == [True, False, True]
    hidden = torch.tensor([[True, False, True]])
    assert sample_mask(torch.full((1, 3), 50.0), hidden, noise[:1]).tolist() == hidden.tolist()


def test_transitions_by_hand() -> None:
    """The mask 0 1 1 0 1 has three transitions; the end of a text is not one."""
    kept = torch.tensor([[0, 1, 1, 0, 1, 0, 0]]).bool()
    assert count_transitions(kept, torch.arange(7)[None] < 5).item() == 3.0


def _reward(kept: Tensor) -> Tensor:
    """Compute some function of the mask: (..., n) bool -> (...,)."""
    weight = torch.tensor([1.0, -2, 0.5, 3], dtype=torch.float64)
    return (kept * weight[: kept.shape[-1]]).sum(-1) + kept.double().prod(-1) - 0.3 * kept.sum(-1)


def test_the_estimator_is_unbiased() -> None:
    """It agrees with the gradient over all 2^4 masks within three standard errors; a baseline lowers its variance."""
    logits = torch.tensor([0.3, -0.8, 1.2, 0.1], dtype=torch.float64, requires_grad=True)
    every = torch.tensor(list(product([False, True], repeat=4)))
    each = log_prob(logits.expand(16, 4), every, torch.ones(16, 4, dtype=torch.bool))
    (exact,) = torch.autograd.grad((each.exp() * _reward(every)).sum(), logits)
    noise = torch.randn(40_000, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    kept = sample_mask(logits.detach().expand(40_000, 4), torch.ones(40_000, 4, dtype=torch.bool), noise)
    spread = {}
    for name, returns in {
        "none": _reward(kept),
        "others": leave_one_out_baseline(_reward(kept)[None], 10)[0],
    }.items():
        gradients = returns[:, None] * (kept.double() - logits.detach().sigmoid())
        error = gradients.std(0) / len(gradients) ** 0.5
        assert ((gradients.mean(0) - exact).abs() < 3 * error).all(), name
        spread[name] = gradients.var(0).sum()
    assert spread["others"] < spread["none"]


def test_the_sampler_has_the_size_of_the_paper() -> None:
    """It has 270,601 parameters at widths of 300; padding does not change the logits."""
    assert sum(weight.numel() for weight in SequenceSampler(300, 300).parameters()) == 270_601
    torch.manual_seed(0)
    sampler, tokens = SequenceSampler(5, 7), torch.randn(2, 4, 5)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    tokens[1, 2:] = torch.nan
    logits = sampler(tokens.nan_to_num(9.0), mask)
    torch.testing.assert_close(logits[1:, :2], sampler(tokens[1:, :2], mask[1:, :2]))
    assert logits.shape == (2, 4, 1)
