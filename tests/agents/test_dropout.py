"""Dropout by bytes: as often as asked for, scaled, with the gradient of what is kept, and the same for a seed."""

import pytest
import torch

from glimpse.agents.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_as_many_are_left_out_as_asked_for(share: float) -> None:
    """To one part in 256; the mean stays, and the gradient is that of what is kept. Any count of numbers will do."""
    torch.manual_seed(0)
    x = torch.ones(331, 307, requires_grad=True)
    left = Dropout(share)(x)
    assert float((left == 0).float().mean()) == pytest.approx(share, abs=0.01)
    assert float(left.detach().mean()) == pytest.approx(1, abs=0.02)
    left.sum().backward()
    assert torch.equal(x.grad, left.detach())  # type: ignore[arg-type]  # it has one


def test_nothing_is_left_out_without_training() -> None:
    """Nor with a share of nothing; a seed decides the draws, and no half precision is lost."""
    x = torch.randn(5, 7)
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.5)(x))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert Dropout(0.5)(x.bfloat16()).dtype == torch.bfloat16
