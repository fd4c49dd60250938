"""The stopper's bound."""

import pytest
import torch

from glimpse.agents.options import StopOptions
from glimpse.agents.vision.stop_policy import Stopper


@pytest.mark.parametrize(("progress", "bound"), [(0.0, 2.0), (0.5, 4.0), (1.0, 6.0)])
def test_the_bound_grows_and_nothing_exceeds_it(progress: float, bound: float) -> None:
    """From 2 to 6 along a line."""
    stopper = Stopper(3, StopOptions(width=4, start=2, end=6))
    stopper.set_progress(progress)
    torch.nn.init.constant_(stopper.decide.bias, 1e4)
    assert stopper(torch.randn(5, 2, 3)).tolist() == [[pytest.approx(bound)] * 2] * 5
    torch.nn.init.constant_(stopper.decide.bias, -1e4)
    assert stopper(torch.zeros(1, 3)).tolist() == [pytest.approx(-bound)]


def test_gradients_pass_at_the_bound_only_if_they_lead_back() -> None:
    """Logits -3, -1 and 3 held at 2: a descent raises the first, moves the second either way, and lowers the third."""
    for sign, expected in ((1.0, [0.0, 1.0, 1.0]), (-1.0, [-1.0, -1.0, 0.0])):
        stopper = Stopper(3, StopOptions(start=2))
        torch.nn.init.zeros_(stopper.decide.weight)
        torch.nn.init.zeros_(stopper.decide.bias)
        offset = torch.tensor([-3.0, -1.0, 3.0], requires_grad=True)
        memory = torch.zeros(3, 3)
        stopper.decide.register_forward_hook(lambda _, __, out, offset=offset: out + offset.unsqueeze(-1))
        logit = stopper(memory)
        assert logit.tolist() == [-2.0, -1.0, 2.0]
        (sign * logit).sum().backward()
        assert offset.grad is not None and offset.grad.tolist() == expected
