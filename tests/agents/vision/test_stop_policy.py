"""Stop policy: the bound of its logit."""

import pytest
import torch

from glimpse.agents.options import StopOptions
from glimpse.agents.vision.stop_policy import StopPolicy


@pytest.mark.parametrize(("progress", "bound"), [(0.0, 2.0), (0.5, 4.0), (1.0, 6.0)])
def test_the_bound_grows_and_the_logit_stays_within(progress: float, bound: float) -> None:
    """The bound grows linearly from 2 to 6."""
    stop_policy = StopPolicy(3, StopOptions(width=4, start=2, end=6))
    stop_policy.set_progress(progress)
    torch.nn.init.constant_(stop_policy.decide.bias, 1e4)
    assert stop_policy(torch.randn(5, 2, 3)).tolist() == [[pytest.approx(bound)] * 2] * 5
    torch.nn.init.constant_(stop_policy.decide.bias, -1e4)
    assert stop_policy(torch.zeros(1, 3)).tolist() == [pytest.approx(-bound)]


def test_gradients_pass_at_the_bound_only_if_they_lead_back() -> None:
    """Logits -3, -1 and 3 with bound 2: descent can raise the first, move the second, and lower the third."""
    for sign, expected in ((1.0, [0.0, 1.0, 1.0]), (-1.0, [-1.0, -1.0, 0.0])):
        stop_policy = StopPolicy(3, StopOptions(start=2))
        torch.nn.init.zeros_(stop_policy.decide.weight)
        torch.nn.init.zeros_(stop_policy.decide.bias)
        offset = torch.tensor([-3.0, -1.0, 3.0], requires_grad=True)
        memory = torch.zeros(3, 3)
        stop_policy.decide.register_forward_hook(lambda _, __, out, offset=offset: out + offset.unsqueeze(-1))
        logit = stop_policy(memory)
        assert logit.tolist() == [-2.0, -1.0, 2.0]
        (sign * logit).sum().backward()
        assert offset.grad is not None and offset.grad.tolist() == expected
