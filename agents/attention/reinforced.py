"""Reinforced self-attention (ReSA; Shen et al., 2018, "ReSAN", section 4): soft attention among selected tokens.

The caller selects which tokens read (heads) and which are read (dependents); no gradient passes through the selection.
Axes: B texts, n tokens, D width, k_h and k_d the largest numbers of heads and dependents of a text.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.directional import DirectionalBlock
from glimpse.agents.attention.masks import DIRECTIONS
from glimpse.agents.attention.options import NormaliserOptions
from glimpse.agents.ordering import true_first

Unselected = Literal["mean", "mean_of_all", "left_out"]
Compact = Literal["auto", "always", "never"]


class Selected(NamedTuple):
    """Selected tokens, both (B, n) bool: heads, which read, and dependents, which are read; never padding."""

    head: Tensor
    dependent: Tensor


class ReinforcedBlock(DirectionalBlock):
    """One direction of ReSAN: a `DirectionalBlock` in which selected heads read selected dependents.

    A head without dependents to read has s = 0. The s of other tokens is the mean of h over all other real tokens, in
    both directions (`unselected` "mean"); or over all real tokens, with the token itself ("mean_of_all"); or their u is
    zero ("left_out"). With everything selected it is a `DirectionalBlock`.
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
        """Make the layers; `compact` says when scores are computed for selected tokens alone."""
        super().__init__(in_width, width, direction, activation, dropout, normaliser)
        self.unselected, self.compact = unselected, compact

    def select(self, tokens: Tensor, real: Tensor, selected: Selected, *, need_weights: bool = False) -> Attended:
        """Attend from selected heads to selected dependents.

        Args:
            tokens: (B, n, d_in).
            real: (B, n) bool, True = a real token.
            selected: heads and dependents.
            need_weights: whether to return weights; they are computed for all pairs, selected or not.

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
        """Compute the mean of h over other real tokens, (B, n, D), or over all, (B, 1, D)."""
        total = torch.where(real.unsqueeze(-1), h, 0).sum(1, keepdim=True)
        count = real.sum(1).view(-1, 1, 1)
        if self.unselected == "mean_of_all":
            return total / count.clamp(min=1)
        return torch.where(count > 1, total - h, 0) / (count - 1).clamp(min=1)

    def _taken_out(self, selected: Selected) -> tuple["_Chosen", "_Chosen"] | None:
        """Return heads and dependents if they form so few pairs that taking them out of the text is faster."""
        if self.compact == "never" or torch.compiler.is_exporting():
            return None
        if self.training and selected.head.device.type != "cpu":  # To count the pairs would be to wait for a GPU.
            return None
        head, dependent = _first(selected.head), _first(selected.dependent)
        pairs, n = head.position.shape[1] * dependent.position.shape[1], selected.head.shape[1]
        # Measured: `glimpse bench --only reinforced`.
        return (head, dependent) if self.compact == "always" or 2 * pairs <= n * n else None

    def _of_chosen(self, dropped: Tensor, h: Tensor, head: "_Chosen", dependent: "_Chosen") -> Tensor:
        """Compute the context of heads from scores of selected pairs, k_h x k_d: (B, n, D), zero elsewhere."""
        mask = head.real.unsqueeze(2) & dependent.real.unsqueeze(1)
        mask &= DIRECTIONS[self.attention.direction].allowed(
            head.position.unsqueeze(2), dependent.position.unsqueeze(1)
        )
        query, key, value = head.take(dropped), dependent.take(dropped), dependent.take(h)
        context = self.attention.read(query, key, value, mask, "full", need_weights=False).context
        context = torch.where(head.real.unsqueeze(-1), context, 0)
        return torch.zeros_like(h).scatter_add(1, head.position.unsqueeze(-1).expand_as(context), context)


class _Chosen(NamedTuple):
    """Positions of selected tokens, (B, k) in their order, and which of these are real; rows are padded."""

    position: Tensor
    real: Tensor

    def take(self, tokens: Tensor) -> Tensor:
        """Take the selected tokens, (B, n, D) -> (B, k, D)."""
        return torch.take_along_dim(tokens, self.position.unsqueeze(-1), 1)


def _first(chosen: Tensor) -> _Chosen:
    """Return the positions of selected tokens (B, n) bool; their largest number is needed on the CPU."""
    most = max(1, int(chosen.sum(-1).max())) if chosen.numel() else 0
    position = true_first(chosen)[:, :most]
    return _Chosen(position, chosen.gather(1, position))
