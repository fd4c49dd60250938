"""Reinforced sequence sampling (RSS; Shen et al., 2018, "ReSAN", section 3): one coin for each token, all at once.

Axes: B texts, n tokens, E width of a token's vector.
"""

import torch
from torch import Tensor, nn

from glimpse.agents.attention.source2token import ACTIVATIONS


class SequenceSampler(nn.Module):
    """Logits w_2 act(W_1 [x_i; pool(x); x_i * pool(x)] + b_1) + b_2, pool(x) the mean of real tokens."""

    def __init__(
        self, width: int, hidden: int = 300, activation: str = "elu", dropout: float = 0.0, numbers: int = 1
    ) -> None:
        """Make it for tokens (B, n, `width`); dropout falls on what both layers see."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(3 * width, hidden),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
            nn.Linear(hidden, numbers),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, n, E) and real tokens (B, n) -> logits (B, n, `numbers`)."""
        real = mask.unsqueeze(-1)
        mean = torch.where(real, tokens, 0).sum(1, keepdim=True) / real.sum(1, keepdim=True).clamp(min=1)
        pooled = mean.expand_as(tokens)
        logits: Tensor = self.layers(torch.cat([tokens, pooled, tokens * pooled], -1))
        return logits
