"""Local attention (Luong, Pham and Manning, 2015, section 3.2): a window around a position."""

from typing import Literal

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, check
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.agents.attention.options import NormaliserOptions


class LocalAttention(nn.Module):
    """Attention to the integer positions s with |s - p| <= half_width, around a real number p.

    local-m, monotone: p = t, the query's own position. local-p, predicted: p = S sigmoid(v^T tanh(W q)) (equation 9)
    with S the number of keys that any query may read, and the weights are multiplied by exp(-(s - p)^2 / (2
    sigma^2)), sigma = half_width / 2, and not normalised again (equation 10). The gradient reaches p through this
    Gaussian alone.
    """

    def __init__(
        self,
        score: nn.Module,
        query_width: int,
        half_width: int = 10,
        centre: Literal["monotone", "predicted"] = "predicted",
        gaussian: bool = True,
        normaliser: NormaliserOptions | str = "softmax",
    ) -> None:
        """Make the network that predicts p, with `query_width` hidden units."""
        super().__init__()
        self.score, self.half_width = score, half_width
        self.gaussian = gaussian and centre == "predicted"
        self.normalise = make_normaliser(normaliser)
        self.predict: nn.Module | None = None
        if centre == "predicted":
            hidden, out = nn.Linear(query_width, query_width, bias=False), nn.Linear(query_width, 1, bias=False)
            self.predict = nn.Sequential(hidden, nn.Tanh(), out, nn.Sigmoid())

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        *,
        need_weights: bool = True,
        first: int = 0,
    ) -> Attended:
        """Attend; weights are (B, n_q, n_k).

        Args:
            query: (B, n_q, D).
            key: (B, n_k, D').
            value: (B, n_k, D'').
            mask: bool that broadcasts to (B, n_q, n_k), or None.
            need_weights: whether to give the weights.
            first: the position t of the first query, where a decoder has one query a step.
        """
        check(query, key, value, mask)
        shape = (query.shape[0], query.shape[1], key.shape[1])
        allowed = torch.ones(shape, dtype=torch.bool, device=query.device) if mask is None else mask.expand(shape)
        offset = torch.arange(shape[2], device=query.device) - self.centre(query, allowed, first)
        weights = self.normalise(self.score(query, key), allowed & (offset.abs() <= self.half_width))
        if self.gaussian:
            weights = weights * torch.exp(-(offset**2) / (2 * max(self.half_width / 2, 1e-3) ** 2))
        return Attended(weights @ value, weights if need_weights else None)

    def centre(self, query: Tensor, allowed: Tensor, first: int = 0) -> Tensor:
        """Compute the position p, (B, n_q, 1), in tokens."""
        position: Tensor
        if self.predict is None:
            position = torch.arange(first, first + query.shape[1], device=query.device, dtype=query.dtype)
            return position[:, None].expand(*allowed.shape[:2], 1)
        position = allowed.any(1).sum(-1)[:, None, None] * self.predict(query)
        return position
