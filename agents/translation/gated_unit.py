"""The gated unit of Cho et al. (2014) and Bahdanau et al. (2015, appendix A.1.1).

It is not torch's GRU: its update gate z lets the new state in, and its reset gate r multiplies the old state before the
matrix U, not after it.

Axes: B lanes, L pieces, E width of a vector, U units.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.translation.unrolled import Unrolled


class GatedUnit(nn.Module):
    """z = sigma(W_z x + U_z s), r = sigma(W_r x + U_r s), s~ = tanh(W x + U (r * s)), s' = (1 - z) * s + z * s~."""

    def __init__(self, inputs: int, units: int) -> None:
        """Make W_z, W_r and W as one matrix with biases, and U_z, U_r and U."""
        super().__init__()
        self.input = nn.Linear(inputs, 3 * units)
        self.gates = nn.Linear(units, 2 * units, bias=False)
        self.candidate = nn.Linear(units, units, bias=False)

    def unrolled(self) -> "Unrolling":
        """For the steps of one loop."""
        return Unrolling(self.gates.weight, self.candidate.weight)


class Unrolling:
    """The steps of one loop of a unit, or of several side by side; see `Unrolled`."""

    def __init__(self, gates: Tensor, candidate: Tensor) -> None:
        """Take the matrices U_z and U_r as one, (2 U, U) or (P, 2 U, U), and U, (U, U) or (P, U, U)."""
        self._gates, self._candidate, self._units = Unrolled(gates), Unrolled(candidate), candidate.shape[-1]

    def __call__(self, entered: Tensor, state: Tensor) -> Tensor:
        """What `input` made of x, (..., B, 3 U), and the state (..., B, U) -> the next state (..., B, U)."""
        entering, proposed = entered.split([2 * self._units, self._units], -1)
        update, reset = (entering + self._gates(state)).sigmoid().chunk(2, -1)
        candidate = (proposed + self._candidate(reset * state)).tanh()
        new: Tensor = state + update * (candidate - state)
        return new


class BothWays(nn.Module):
    """A layer of gated units that reads from left to right, and one from right to left."""

    def __init__(self, inputs: int, units: int) -> None:
        """Make both."""
        super().__init__()
        self.forwards, self.backwards = GatedUnit(inputs, units), GatedUnit(inputs, units)

    def forward(self, vectors: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Read.

        Args:
            vectors: (B, L, E).
            real: (B, L) bool, True at real pieces, which come first.

        Returns:
            States (B, L, 2 U), zeros at padding; and the state of the second layer at the first piece, (B, U).
        """
        length, place = real.sum(1, keepdim=True), torch.arange(real.shape[1], device=real.device)
        # The text turned round, so that padding comes last both ways.
        turned = torch.where(place < length, length - 1 - place, place).unsqueeze(-1)
        ways = self.forwards, self.backwards
        entered = torch.stack([ways[0].input(vectors), ways[1].input(vectors.take_along_dim(turned, 1))])
        # Both ways at once: half as many small products.
        unit = Unrolling(*(torch.stack([getattr(way, name).weight for way in ways]) for name in ("gates", "candidate")))
        state, states = vectors.new_zeros(2, len(vectors), self.forwards.candidate.out_features), []
        for step in entered.unbind(2):
            state = unit(step, state)
            states.append(state)
        there, back = torch.stack(states, 2)
        back = back.take_along_dim(turned, 1)
        return torch.cat([there, back], -1) * real.unsqueeze(-1), back[:, 0]
