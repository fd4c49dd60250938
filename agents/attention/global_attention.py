"""Global attention: any score of query and key, normalised over all keys that may be read."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, check
from glimpse.agents.attention.multiplicative import DotScore, GeneralScore
from glimpse.agents.attention.normalisers import make_normaliser, softmax
from glimpse.agents.attention.options import NormaliserOptions


class GlobalAttention(nn.Module):
    """Attention c_i = sum_j alpha_ij v_j, with alpha_i the normalised scores of query i."""

    def __init__(self, score: nn.Module, normaliser: NormaliserOptions | str = "softmax") -> None:
        """Take a score, a module from (B, n_q, D) and (B, n_k, D') to (B, n_q, n_k)."""
        super().__init__()
        self.score = score
        self.normalise = make_normaliser(normaliser)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, need_weights: bool = True
    ) -> Attended:
        """Attend; weights are (B, n_q, n_k)."""
        check(query, key, value, mask)
        fused = not need_weights and self.normalise is softmax and not torch.compiler.is_exporting()
        if fused and isinstance(self.score, DotScore | GeneralScore):
            turned = self.score.turn(query)
            return Attended(F.scaled_dot_product_attention(turned, key, value, mask, scale=1.0), None)
        return self.read(self.score(query, key), value, mask, need_weights=need_weights)

    def read(self, scores: Tensor, value: Tensor, mask: Tensor | None, *, need_weights: bool = True) -> Attended:
        """Attend by given scores (B, n_q, n_k), such as those of keys that were computed once."""
        weights = self.normalise(scores, mask)
        return Attended(weights @ value, weights if need_weights else None)
