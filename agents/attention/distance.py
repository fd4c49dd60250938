"""Distance-based attention (Im and Cho, 2017): near tokens count more, and each direction has attention of its own."""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, by_head, check, silence
from glimpse.agents.attention.masks import DIRECTIONS
from glimpse.agents.attention.multi_head import Heads, scaled_dot_product
from glimpse.agents.attention.normalisers import make_normaliser
from glimpse.agents.attention.options import NormaliserOptions


def distances(n_q: int, n_k: int, device: torch.device | str | None = None) -> Tensor:
    """Compute |i - j|, (n_q, n_k) float32, in tokens."""
    return (torch.arange(n_q, device=device)[:, None] - torch.arange(n_k, device=device)).abs().float()


class Distance(nn.Module):
    """Multi-head attention in one direction, with a penalty of the distance.

    Weights softmax(q k^T / sqrt(d_k) + M_dir - alpha |i - j|), (B, h, n_q, n_k); the maps have no biases.

    With `layer_norm` the outputs of the four maps have layer norm, q, k and v head by head.
    """

    def __init__(
        self,
        width: int,
        heads: int = 5,
        alpha: float = 1.5,
        direction: str = "forward",
        normaliser: NormaliserOptions | str = "softmax",
        layer_norm: bool = False,
    ) -> None:
        """Make the maps; `direction` is one of `masks.DIRECTIONS`."""
        super().__init__()
        self.heads = Heads(width, heads, bias=False)
        self.alpha, self.direction = alpha, DIRECTIONS[direction]
        self.normalise = make_normaliser(normaliser)
        widths = (width // heads, width // heads, width // heads, width)
        self.norms = nn.ModuleList(nn.LayerNorm(each) if layer_norm else nn.Identity() for each in widths)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend to what both the mask and the direction allow."""
        check(query, key, value, mask, self.heads.count)
        n_q, n_k, device = query.shape[1], key.shape[1], query.device
        q, k, v = (norm(x) for norm, x in zip(self.norms, self.heads.split(query, key, value), strict=False))
        allowed, mask = self.direction(n_q, n_k, device)[None, None], by_head(mask)
        allowed = allowed if mask is None else mask & allowed
        bias = -self.alpha * distances(n_q, n_k, device).to(q.dtype)
        attended = scaled_dot_product(q, k, v, allowed, bias, self.normalise, need_weights)
        context, weights = self.heads.join(attended, None)
        return Attended(silence(self.norms[3](context), allowed), weights)
