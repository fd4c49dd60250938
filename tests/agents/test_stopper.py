"""The stopper's bound."""

import math

import pytest
import torch

from glimpse.agents.options import StopOptions
from glimpse.agents.stopper import Stopper


@pytest.mark.parametrize(("progress", "bound"), [(0.0, 2.0), (0.5, 4.0), (1.0, 6.0)])
def test_the_bound_grows_and_nothing_exceeds_it(progress: float, bound: float) -> None:
    """From 2 to 6 along a line."""
    stopper = Stopper(3, StopOptions(width=4, start=2, end=6))
    stopper.set_progress(progress)
    torch.nn.init.constant_(stopper.decide.bias, 1e4)
    assert stopper(torch.randn(5, 2, 3)).tolist() == [[pytest.approx(bound)] * 2] * 5
    torch.nn.init.constant_(stopper.decide.bias, -1e4)
    assert stopper(torch.zeros(1, 3)).tolist() == [pytest.approx(-bound)]


def test_a_known_logit() -> None:
    """Of a logit x = 1 the bound 2 leaves 2 tanh(1 / 2)."""
    stopper = Stopper(3, StopOptions())
    torch.nn.init.zeros_(stopper.decide.weight)
    torch.nn.init.ones_(stopper.decide.bias)
    assert stopper(torch.zeros(1, 3)).item() == pytest.approx(2 * math.tanh(0.5))
