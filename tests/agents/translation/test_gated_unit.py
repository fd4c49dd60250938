"""Gated unit by hand, its bidirectional layer, and linear maps of loops."""

import pytest
import torch
from torch import nn

from glimpse.agents.translation.gated_unit import BidirectionalGatedUnit, GatedUnit
from glimpse.agents.translation.unrolled import UnrolledLinear


def test_a_unit_by_hand() -> None:
    """With all matrices 1, x = .5 and s = .2: z = r = sigma(.7), s~ = tanh(.5 + .2 r), s' = .2 (1 - z) + z s~."""
    unit = GatedUnit(1, 1)
    with torch.no_grad():
        for name, weight in unit.named_parameters():
            weight.fill_(0.0 if "bias" in name else 1.0)
        new = unit.unrolled()(unit.input(torch.tensor([[0.5]])), torch.tensor([[0.2]]))
    gate = 0.668188
    expected = (1 - gate) * 0.2 + gate * torch.tanh(torch.tensor(0.5 + gate * 0.2))
    torch.testing.assert_close(new, expected.view(1, 1))


def test_it_differs_from_torchs_gru() -> None:
    """Torch applies the reset gate after the matrix, and its update gate weights the old state."""
    torch.manual_seed(0)
    unit, theirs = GatedUnit(2, 3), nn.GRUCell(2, 3)
    with torch.no_grad():
        reset_first = torch.tensor([3, 4, 5, 0, 1, 2])
        theirs.weight_ih.copy_(torch.cat([unit.input.weight[:6][reset_first], unit.input.weight[6:]]))
        theirs.bias_ih.copy_(torch.cat([unit.input.bias[:6][reset_first], unit.input.bias[6:]]))
        theirs.weight_hh.copy_(torch.cat([unit.gates.weight[reset_first], unit.candidate.weight]))
        theirs.bias_hh.zero_()
        x, state = torch.randn(4, 2), torch.randn(4, 3)
        ours = unit.unrolled()(unit.input(x), state)
        assert not torch.allclose(ours, theirs(x, state), atol=1e-3)
        # From a zero state they differ in the sense of z alone: s' = z s~ against (1 - z) s~.
        zeros = torch.zeros(4, 3)
        both = unit.unrolled()(unit.input(x), zeros) + theirs(x, zeros)
        torch.testing.assert_close(both, unit.input(x)[:, 6:].tanh())


def test_a_bidirectional_layer_is_two_units() -> None:
    """The backward unit begins at the last real token."""
    torch.manual_seed(0)
    layer, x = BidirectionalGatedUnit(2, 3), torch.randn(2, 4, 2)
    real = torch.tensor([[True] * 4, [True, True, False, False]])
    states, first = layer(x, real)
    for row, length in enumerate((4, 2)):
        for direction, positions, columns in (
            (layer.forwards, range(length), slice(0, 3)),
            (layer.backwards, reversed(range(length)), slice(3, 6)),
        ):
            unit, state = direction.unrolled(), torch.zeros(1, 3)
            for position in positions:
                state = unit(direction.input(x[row, None, position]), state)
                torch.testing.assert_close(states[row, position, columns], state[0])
        torch.testing.assert_close(first[row], state[0])
    assert not states[1, 2:].any()


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_an_unrolled_linear_has_the_gradient_of_its_steps(shape: tuple[int, ...]) -> None:
    """This holds for one matrix and for several, in a second backward pass, and for unused products."""
    torch.manual_seed(0)
    weight = torch.randn(*shape[:-2], 4, 4, dtype=torch.float64, requires_grad=True)
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    for _ in range(2):
        for steps in (0, 1, 3):
            matrix, ours, theirs = UnrolledLinear(weight), x.tanh(), x.tanh()
            matrix(ours)
            for _ in range(steps):
                ours, theirs = matrix(ours).tanh(), (theirs @ weight.mT).tanh()
            made = torch.autograd.grad(ours.sum(), (weight, x), allow_unused=True)
            expected = torch.autograd.grad(theirs.sum(), (weight, x), allow_unused=True)
            assert (made[0] is None) == (steps == 0)
            torch.testing.assert_close(made[1], expected[1])
            if steps:
                torch.testing.assert_close(made[0], expected[0])
