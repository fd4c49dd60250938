"""Dropout by random bytes: frequency, scaling, gradient and seed."""

import pytest
import torch

from glimpse.agents.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_given_share_of_numbers_is_zeroed(share: float) -> None:
    """The mean stays, and gradients flow through the other numbers; the count need not be a multiple of eight."""
    torch.manual_seed(0)
    x = torch.ones(331, 307, requires_grad=True)
    left = Dropout(share)(x)
    assert float((left == 0).float().mean()) == pytest.approx(share, abs=0.01)
    assert float(left.detach().mean()) == pytest.approx(1, abs=0.02)
    left.sum().backward()
    assert torch.equal(x.grad, left.detach())  # type: ignore[arg-type]  # it has one


def test_nothing_is_zeroed_in_evaluation_mode() -> None:
    """Nor with a share of zero. A seed determines the draws, and bfloat16 stays bfloat16."""
    x = torch.randn(5, 7)
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.5)(x))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert Dropout(0.5)(x.bfloat16()).dtype == torch.bfloat16
