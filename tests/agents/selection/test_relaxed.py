"""Tests of relaxed masks: probability masses by hand, and gradients; and of the Jensen-Shannon divergence."""

import pytest
import torch

from glimpse.agents.selection.relaxed import HardKuma, straight_through
from glimpse.agents.selection.remedies import jensen_shannon


@pytest.mark.parametrize(
    ("a", "b", "zero", "one"),
    [(1.0, 1.0, 1 / 12, 1 / 12), (2.0, 1.0, 0.006944, 0.159722), (0.5, 0.5, 0.156599, 0.206332)],
)
def test_masses_at_0_and_1_by_hand(a: float, b: float, zero: float, one: float) -> None:
    """Samples have the same frequencies."""
    kuma = HardKuma(torch.tensor([[a]]), torch.tensor([[b]]))
    assert kuma.zero.item() == pytest.approx(zero, abs=1e-6) and kuma.one.item() == pytest.approx(one, abs=1e-6)
    drawn = kuma.sample(torch.rand(20_000, 1, generator=torch.Generator().manual_seed(0)))
    assert (drawn == 0).float().mean().item() == pytest.approx(zero, abs=0.01)
    assert (drawn == 1).float().mean().item() == pytest.approx(one, abs=0.01)


def test_the_likeliest_value_is_0_or_1_or_the_median() -> None:
    """It depends on which of 0, 1 and between has the largest mass."""
    kuma = HardKuma(torch.tensor([[0.1, 9.0, 3.0]]), torch.tensor([[3.0, 0.1, 3.0]]))
    zero, one, between = kuma.likeliest()[0].tolist()
    assert (zero, one) == (0.0, 1.0) and 0 < between < 1


def test_a_sample_has_the_gradient_of_its_parameters() -> None:
    """Numerical gradients agree in float64, away from the clamps."""
    a, b = (torch.tensor([[1.5, 2.0, 3.0]], dtype=torch.float64, requires_grad=True) for _ in range(2))
    noise = torch.tensor([[0.3, 0.5, 0.6]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a, b: HardKuma(a, b).sample(noise), (a, b))


def test_straight_through_is_hard_forward_and_soft_backward() -> None:
    """Values are 0 or 1 with the right frequency; the gradient is that of the soft mask."""
    logits = torch.tensor([[0.9, 0.2, 0.5]]).logit().expand(20_000, 3).clone().requires_grad_()
    noise = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0))
    hard = straight_through(logits, noise, 0.7)
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(hard.mean(0).detach(), torch.tensor([0.9, 0.2, 0.5]), atol=0.012, rtol=0)
    (slope,) = torch.autograd.grad(hard.sum(), logits)
    soft = ((logits + noise.clamp(1e-6, 1 - 1e-6).logit()) / 0.7).sigmoid().detach()
    torch.testing.assert_close(slope, soft * (1 - soft) / 0.7)


def test_jensen_shannon_by_hand() -> None:
    """It is 0 between equal distributions, and log 2 between disjoint ones."""
    sure, unsure = torch.tensor([[50.0, 0.0]]), torch.tensor([[0.0, 50.0]])
    assert jensen_shannon(sure, sure).item() == pytest.approx(0, abs=1e-6)
    assert jensen_shannon(sure, unsure).item() == pytest.approx(0.693147, abs=1e-5)
