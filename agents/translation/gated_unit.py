"""Gated recurrent unit of Cho et al. (2014) and Bahdanau et al. (2015, appendix A.1.1).

It differs from torch's GRU: the update gate z weights the new state instead of the old one, and the reset gate r
multiplies the old state before the matrix U instead of after it.

Axes: B lanes, L tokens, E width of a vector, U units.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.translation.unrolled import UnrolledLinear


class GatedUnit(nn.Module):
    """Gated recurrent unit.

    z = sigma(W_z x + U_z s), r = sigma(W_r x + U_r s), s~ = tanh(W x + U (r * s)), s' = (1 - z) * s + z * s~.
    """

    def __init__(self, inputs: int, units: int) -> None:
        """Make W_z, W_r and W as one matrix with biases; U_z and U_r as one matrix; and U."""
        super().__init__()
        self.input = nn.Linear(inputs, 3 * units)
        self.gates = nn.Linear(units, 2 * units, bias=False)
        self.candidate = nn.Linear(units, units, bias=False)

    def unrolled(self) -> "UnrolledGatedUnit":
        """Return the unit for the steps of one loop."""
        return UnrolledGatedUnit(self.gates.weight, self.candidate.weight)


class UnrolledGatedUnit:
    """Steps of one loop of a gated unit, or of P units in parallel; see `UnrolledLinear`."""

    def __init__(self, gates: Tensor, candidate: Tensor) -> None:
        """Take the gates' matrices U_z and U_r as one, (2 U, U) or (P, 2 U, U), and U, (U, U) or (P, U, U)."""
        self._gates, self._candidate, self._units = (
            UnrolledLinear(gates),
            UnrolledLinear(candidate),
            candidate.shape[-1],
        )

    def __call__(self, entered: Tensor, state: Tensor) -> Tensor:
        """Compute the next state (..., B, U) from the projected input (..., B, 3 U) and the state (..., B, U)."""
        entering, proposed = entered.split([2 * self._units, self._units], -1)
        update, reset = (entering + self._gates(state)).sigmoid().chunk(2, -1)
        candidate = (proposed + self._candidate(reset * state)).tanh()
        new: Tensor = state + update * (candidate - state)
        return new


class BidirectionalGatedUnit(nn.Module):
    """Bidirectional layer of gated units."""

    def __init__(self, inputs: int, units: int) -> None:
        """Make the units of both directions."""
        super().__init__()
        self.forwards, self.backwards = GatedUnit(inputs, units), GatedUnit(inputs, units)

    def forward(self, vectors: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the states of both directions.

        Args:
            vectors: (B, L, E).
            real: (B, L) bool, True at real tokens, which precede all padding.

        Returns:
            States (B, L, 2 U), zeros at padding; and the backward state at the first token, (B, U).
        """
        length, position = real.sum(1, keepdim=True), torch.arange(real.shape[1], device=real.device)
        # Reverse each text, so that padding comes last in both directions.
        reversed_index = torch.where(position < length, length - 1 - position, position).unsqueeze(-1)
        directions = self.forwards, self.backwards
        entered = torch.stack(
            [directions[0].input(vectors), directions[1].input(vectors.take_along_dim(reversed_index, 1))]
        )
        # Step both directions at once: half as many small products.
        unit = UnrolledGatedUnit(
            *(torch.stack([getattr(one, name).weight for one in directions]) for name in ("gates", "candidate"))
        )
        state, states = vectors.new_zeros(2, len(vectors), self.forwards.candidate.out_features), []
        for step in entered.unbind(2):
            state = unit(step, state)
            states.append(state)
        forward, backward = torch.stack(states, 2)
        backward = backward.take_along_dim(reversed_index, 1)
        return torch.cat([forward, backward], -1) * real.unsqueeze(-1), backward[:, 0]
