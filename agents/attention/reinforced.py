"""Reinforced self-attention (ReSA; Shen et al., 2018, "ReSAN", section 4): soft attention among chosen tokens.

Which tokens read (heads) and which are read (dependents) comes from outside: no gradient crosses the choice.
Axes: B texts, n tokens, D width, k_h and k_d the most heads and dependents that a text has.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.directional import DirectionalBlock
from glimpse.agents.attention.masks import DIRECTIONS
from glimpse.agents.attention.options import NormaliserOptions

Unselected = Literal["mean", "mean_of_all", "left_out"]
Compact = Literal["auto", "always", "never"]


class Selected(NamedTuple):
    """Which tokens were chosen, (B, n) bool both: heads, that read, and dependents, that are read; no padding."""

    head: Tensor
    dependent: Tensor


class ReinforcedBlock(DirectionalBlock):
    """One direction of ReSAN: a `DirectionalBlock` in which chosen heads read chosen dependents.

    A head with none of them to read has s = 0. Other tokens have as their s the mean of h over all other real tokens,
    in both directions (`unselected` "mean"); over all real ones, themselves included ("mean_of_all"); or they are zeros
    ("left_out"). With everything chosen it is a `DirectionalBlock`.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        direction: str,
        activation: type[nn.Module] = nn.ELU,
        dropout: float = 0.0,
        normaliser: NormaliserOptions | str = "softmax",
        unselected: Unselected = "mean",
        compact: Compact = "auto",
    ) -> None:
        """Make the layers; where `compact`, chosen tokens are taken out of the text, and others have no scores."""
        super().__init__(in_width, width, direction, activation, dropout, normaliser)
        self.unselected, self.compact = unselected, compact

    def select(self, tokens: Tensor, real: Tensor, selected: Selected, *, need_weights: bool = False) -> Attended:
        """Read.

        Args:
            tokens: (B, n, d_in).
            real: (B, n) bool, True = a real token.
            selected: heads and dependents.
            need_weights: whether those of pairs are wanted; they are made of all pairs, chosen or not.

        Returns:
            u (B, n, D), zero where not real, and where not a head if these are left out; weights (B, n, n, D) or None.
        """
        h = self.activation(self.token(self.dropout(tokens)))
        dropped = self.dropout(h)
        chosen = None if need_weights else self._taken_out(selected)
        if chosen is not None:
            read = Attended(self._of_chosen(dropped, h, *chosen), None)
        else:
            mask = selected.head.unsqueeze(2) & selected.dependent.unsqueeze(1)
            read = self.attention(dropped, dropped, h, mask, need_weights=need_weights)
        head, kept = selected.head.unsqueeze(-1), real
        if self.unselected == "left_out":
            context, kept = read.context, selected.head
        else:
            context = torch.where(head, read.context, self._mean(h, real))
        return read._replace(context=torch.where(kept.unsqueeze(-1), self.gate(h, context), 0))

    def _mean(self, h: Tensor, real: Tensor) -> Tensor:
        """The mean of h over other real tokens, or over all: (B, n, D), or (B, 1, D)."""
        total = torch.where(real.unsqueeze(-1), h, 0).sum(1, keepdim=True)
        count = real.sum(1).view(-1, 1, 1)
        if self.unselected == "mean_of_all":
            return total / count.clamp(min=1)
        return torch.where(count > 1, total - h, 0) / (count - 1).clamp(min=1)

    def _taken_out(self, selected: Selected) -> tuple["_Chosen", "_Chosen"] | None:
        """Heads and dependents where there are so few pairs of them that taking them out is faster."""
        if self.compact == "never":
            return None
        head, dependent = _first(selected.head), _first(selected.dependent)
        pairs, n = head.place.shape[1] * dependent.place.shape[1], selected.head.shape[1]
        # Measured: `glimpse bench --only reinforced`.
        return (head, dependent) if self.compact == "always" or 2 * pairs <= n * n else None

    def _of_chosen(self, dropped: Tensor, h: Tensor, head: "_Chosen", dependent: "_Chosen") -> Tensor:
        """What heads read, with scores of chosen pairs alone, k_h x k_d instead of n x n: (B, n, D), zero elsewhere."""
        mask = head.real.unsqueeze(2) & dependent.real.unsqueeze(1)
        mask &= DIRECTIONS[self.attention.direction].allowed(head.place.unsqueeze(2), dependent.place.unsqueeze(1))
        query, key, value = head.take(dropped), dependent.take(dropped), dependent.take(h)
        context = self.attention.read(query, key, value, mask, "full", need_weights=False).context
        context = torch.where(head.real.unsqueeze(-1), context, 0)
        return torch.zeros_like(h).scatter_add(1, head.place.unsqueeze(-1).expand_as(context), context)


class _Chosen(NamedTuple):
    """The places of chosen tokens, (B, k) in their order, and which of these are real: rows are filled up."""

    place: Tensor
    real: Tensor

    def take(self, tokens: Tensor) -> Tensor:
        """(B, n, D) -> (B, k, D)."""
        return torch.take_along_dim(tokens, self.place.unsqueeze(-1), 1)


def _first(chosen: Tensor) -> _Chosen:
    """Where chosen tokens stand, (B, n) bool; how many at most must be known on the CPU."""
    most = max(1, int(chosen.sum(-1).max())) if chosen.numel() else 0
    place = chosen.byte().sort(dim=-1, descending=True, stable=True).indices[:, :most]
    return _Chosen(place, chosen.gather(1, place))
