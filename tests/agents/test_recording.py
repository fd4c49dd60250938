"""Tests of recorded rollouts: recorded layers give what plain ones give, side by side and without a copy."""

import pytest
import torch
from torch import Tensor

from glimpse.agents.recall import ReluSum, relu_gradient
from glimpse.agents.recording import recording, stack_steps


def make_layer() -> ReluSum:
    """Make a layer of two inputs, 3 and 4 numbers wide, to 5 units."""
    torch.manual_seed(0)
    return ReluSum((3, 4), 5)


def sources() -> list[list[Tensor]]:
    """Return the inputs of three steps of two episodes."""
    noise = torch.Generator().manual_seed(1)
    return [[torch.randn(2, width, generator=noise) for width in (3, 4)] for _ in range(3)]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_recorded_outputs_are_plain_ones_and_lie_side_by_side(precision: torch.dtype) -> None:
    """All steps are one tensor, of which each step's output is a part; the type is that of autocast."""
    layer = make_layer()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        plain = [layer(*source) for source in sources()]
        with recording(layer, 4):
            recorded = [layer(*source) for source in sources()]
        again = layer(*sources()[0])
    together = stack_steps(recorded)
    assert together.dtype == precision and together.shape == (3, 2, 5)
    torch.testing.assert_close(together, torch.stack(plain))
    assert together.data_ptr() == recorded[0].data_ptr()
    # After the rollout the layer is a plain one again.
    assert again.data_ptr() != recorded[0].data_ptr() and torch.equal(again, plain[0])


@torch.no_grad()
def test_two_rollouts_do_not_share_memory() -> None:
    """What one rollout recorded stays as it is in the next, which has other weights."""
    layer, rollouts = make_layer(), []
    for _ in range(2):
        with recording(layer, 3):
            rollouts.append(stack_steps([layer(*source) for source in sources()]))
        next(layer.parameters()).mul_(-1)
    assert not torch.equal(rollouts[0], rollouts[1])
    torch.testing.assert_close(rollouts[0], torch.stack([make_layer()(*source) for source in sources()]))


def test_an_error_ends_the_recording() -> None:
    """The layer computes gradients again."""
    layer = make_layer()
    with pytest.raises(ZeroDivisionError), recording(layer, 3):
        raise ZeroDivisionError
    assert layer(*sources()[0]).requires_grad


def test_only_what_lies_at_even_distances_is_taken_as_one() -> None:
    """Rows, and the same columns of each row, are not copied; rows in another order or of another tensor are."""
    every = torch.arange(24.0).view(4, 3, 2).clone()
    rows = list(every.unbind())
    for steps in (rows, rows[1:], rows[::2], [row[:, 1:] for row in rows]):
        found = stack_steps(steps)
        assert torch.equal(found, torch.stack(steps)) and found.data_ptr() == steps[0].data_ptr()
    uneven = [rows[0], rows[1], rows[3]]
    for steps in (rows[::-1], [rows[0], rows[0]], uneven, [rows[0], rows[1].clone()]):
        found = stack_steps(steps)
        assert torch.equal(found, torch.stack(steps)) and found.data_ptr() != every.data_ptr()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_gradient_of_a_relu_by_hand(kind: torch.dtype) -> None:
    """It passes where the output is above 0, whatever its own sign, also in place."""
    gradient = torch.tensor([1.0, -2.0, 3.0, -4.0], dtype=kind)
    output = torch.tensor([0.0, 0.0, 0.5, 1e-30], dtype=kind)
    assert relu_gradient(gradient, output).tolist() == [0.0, 0.0, 3.0, -4.0]
    assert relu_gradient(gradient, output, gradient) is gradient
    assert gradient.tolist() == [0.0, 0.0, 3.0, -4.0]
