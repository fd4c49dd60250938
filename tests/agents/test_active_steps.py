"""Tests of the steps of recorded episodes that were taken."""

import torch

from glimpse.agents.active_steps import ActiveSteps


def test_steps_after_the_end_are_left_out_and_come_back_as_zeros() -> None:
    """Rows are those of the mask, in order of time; put back, they stand at their places."""
    mask = torch.tensor([[True, True], [False, True], [False, False]])
    steps = torch.arange(1.0, 7.0).view(3, 2)
    rows = ActiveSteps(mask).take(steps)
    assert rows.tolist() == [1.0, 2.0, 4.0]
    assert ActiveSteps(mask).put(rows * 10).tolist() == [[10.0, 20.0], [0.0, 40.0], [0.0, 0.0]]


def test_all_steps_stay_as_they_are() -> None:
    """Nothing is left out where no episode has ended."""
    mask, steps = torch.ones(2, 3, dtype=torch.bool), torch.randn(2, 3, 5)
    assert torch.equal(ActiveSteps(mask).put(ActiveSteps(mask).take(steps)), steps)
