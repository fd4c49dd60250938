"""REINFORCE for selections: those that do not count change nothing."""

from typing import Literal

import pytest
import torch

from glimpse.agents.selection.options import BaselineOptions
from glimpse.agents.selection.reinforcement import Reinforcement


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average"])
def test_losses_among_padding_are_those_of_the_real_ones(
    baseline: Literal["none", "learned", "moving_average"],
) -> None:
    """Losses, gradients and the moving average are equal, whatever is at padding."""
    torch.manual_seed(0)
    model = Reinforcement(BaselineOptions(baseline=baseline), 3)
    log_prob, reward, features = torch.randn(8, requires_grad=True), torch.randn(8), torch.randn(8, 3)
    real = torch.tensor([True, False, True, True, False, False, True, True])
    found, averages = [], []
    for given in ((log_prob, reward, features, real), (log_prob[real], reward[real], features[real])):
        model.average.fill_(0.5)
        made = model(*given)
        found.append((made, torch.autograd.grad(made.policy_loss, log_prob)))
        averages.append(model.average.clone())
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*averages)
