"""Directional attention with a score for each pair of tokens and each feature (DiSAN; Shen et al., 2018).

Sections 3.1 (token2token) and 4.1 (the directional block). `token2token_fast.py` has the fused form.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, check
from glimpse.agents.attention.gates import FusionGate
from glimpse.agents.attention.masks import DIRECTIONS
from glimpse.agents.attention.normalisers import Normaliser, make_normaliser, softmax
from glimpse.agents.attention.options import NormaliserOptions
from glimpse.agents.attention.token2token_fast import LARGEST_BOUND, bounded_softmax


class Token2Token(nn.Module):
    """Attention with weights for each feature, in one direction.

    s_i = sum_j P_ij v_j with P_i the normalised f_ij = c tanh((W_1 q_i + W_2 k_j + b) / c), feature by feature.

    A query may read the keys that both its direction and the mask allow. Weights are (B, n_q, n_k, D). Where they are
    not asked for, softmax is fused: the result is equal, several times faster, and memory is linear in n.
    """

    def __init__(
        self,
        width: int,
        direction: str = "forward",
        bound: float = 5.0,
        normaliser: NormaliserOptions | str = "softmax",
    ) -> None:
        """Make W_1, W_2 and b; `direction` is one of `masks.DIRECTIONS`, `bound` is c."""
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.direction, self.bound = direction, bound
        self.normalise = make_normaliser(normaliser)
        nn.init.xavier_uniform_(self.query.weight)
        nn.init.xavier_uniform_(self.key.weight)
        nn.init.zeros_(self.query.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend in the module's direction; a mask of tokens is cheapest as (B, 1, n_k)."""
        return self.read(query, key, value, mask, self.direction, need_weights=need_weights)

    def read(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, direction: str, *, need_weights: bool
    ) -> Attended:
        """Attend in a given direction, as is needed for tokens that were taken out of a text."""
        check(query, key, value, mask)
        head, dependent = self.query(query), self.key(key)
        fused = not need_weights and self.normalise is softmax and not torch.compiler.is_exporting()
        if fused and self.bound <= LARGEST_BOUND:
            return Attended(bounded_softmax(head, dependent, value, mask, direction, self.bound), None)
        attended = token2token(head, dependent, value, mask, direction, self.bound, self.normalise)
        return attended if need_weights else attended._replace(weights=None)


def token2token(
    head: Tensor,
    dependent: Tensor,
    value: Tensor,
    mask: Tensor | None,
    direction: str,
    bound: float,
    normalise: Normaliser = softmax,
) -> Attended:
    """Attend with any normaliser; this plain form stores (B, n_q, n_k, D) several times.

    Args:
        head: W_1 q + b, (B, n_q, D).
        dependent: W_2 k, (B, n_k, D).
        value: (B, n_k, D).
        mask: bool that broadcasts to (B, n_q, n_k), or None.
        direction: one of `masks.DIRECTIONS`.
        bound: c.
        normalise: over the keys.
    """
    scores = bound * ((head.unsqueeze(2) + dependent.unsqueeze(1)) / bound).tanh()
    allowed = DIRECTIONS[direction](head.shape[1], value.shape[1], head.device)
    allowed = allowed if mask is None else allowed & mask
    weights = normalise(scores, allowed.unsqueeze(-1), -2)
    return Attended((weights * value.unsqueeze(1)).sum(2), weights)


class DirectionalBlock(nn.Module):
    """One direction of DiSAN: tokens (B, n, d_in) -> u (B, n, D), each with what it reads before it, or after it.

    h = act(W x + b); s is the context of Token2Token over h; u = F h + (1 - F) s by a fusion gate (equations 15 to 18).
    Dropout is applied to the input of dense layers, and so to the h of the scores, not to the h that is read.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        direction: str,
        activation: type[nn.Module] = nn.ELU,
        dropout: float = 0.0,
        normaliser: NormaliserOptions | str = "softmax",
    ) -> None:
        """Make the layers, Glorot-initialised with biases of zero."""
        super().__init__()
        self.token = nn.Linear(in_width, width)
        self.activation, self.dropout = activation(), nn.Dropout(dropout)
        self.attention = Token2Token(width, direction, normaliser=normaliser)
        self.gate = FusionGate(width, dropout)
        nn.init.xavier_uniform_(self.token.weight)
        nn.init.zeros_(self.token.bias)

    def forward(self, tokens: Tensor, real: Tensor | None = None, *, need_weights: bool = False) -> Attended:
        """Compute u (B, n, D), zero where not `real` (B, n) bool; and weights (B, n, n, D) if asked for."""
        h = self.activation(self.token(self.dropout(tokens)))
        dropped = self.dropout(h)
        mask = None if real is None else real.unsqueeze(1)
        read: Attended = self.attention(dropped, dropped, h, mask, need_weights=need_weights)
        u = self.gate(h, read.context)
        return read._replace(context=u if real is None else torch.where(real.unsqueeze(-1), u, 0))
