"""The gated unit of Cho et al. (2014) and Bahdanau et al. (2015, appendix A.1.1).

It is not torch's GRU: its update gate z lets the new state in, and its reset gate r multiplies the old state before the
matrix U, not after it.

Axes: B lanes, L pieces, E width of a vector, U units.
"""

import torch
from torch import Tensor, nn


class GatedUnit(nn.Module):
    """z = sigma(W_z x + U_z s), r = sigma(W_r x + U_r s), s~ = tanh(W x + U (r * s)), s' = (1 - z) * s + z * s~."""

    def __init__(self, inputs: int, units: int) -> None:
        """Make W_z, W_r and W as one matrix with biases, and U_z, U_r and U."""
        super().__init__()
        self.input = nn.Linear(inputs, 3 * units)
        self.gates = nn.Linear(units, 2 * units, bias=False)
        self.candidate = nn.Linear(units, units, bias=False)

    def forward(self, entered: Tensor, state: Tensor) -> Tensor:
        """What `input` made of x, (B, 3 U), and the state (B, U) -> the next state (B, U)."""
        units = state.shape[-1]
        update, reset = (entered[:, : 2 * units] + self.gates(state)).sigmoid().chunk(2, -1)
        candidate = (entered[:, 2 * units :] + self.candidate(reset * state)).tanh()
        return torch.lerp(state, candidate, update)


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
        gates = torch.stack([way.gates.weight.T for way in ways])  # Both ways at once: half as many small products.
        candidate = torch.stack([way.candidate.weight.T for way in ways])
        units = candidate.shape[-1]
        state, states = vectors.new_zeros(2, len(vectors), units), []
        for step in entered.unbind(2):
            update, reset = torch.baddbmm(step[..., : 2 * units], state, gates).sigmoid().chunk(2, -1)
            new = torch.baddbmm(step[..., 2 * units :], reset * state, candidate).tanh()
            state = torch.lerp(state, new, update)
            states.append(state)
        there, back = torch.stack(states, 2)
        back = back.take_along_dim(turned, 1)
        return torch.cat([there, back], -1) * real.unsqueeze(-1), back[:, 0]
