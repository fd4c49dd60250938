"""Reinforced sequence sampling (RSS; Shen et al., 2018, "ReSAN", section 3): logits of keeping each token.

All tokens are drawn at once, independently of each other.

Axes: B texts, n tokens, E width of a token's vector.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.source2token import ACTIVATIONS
from glimpse.agents.encoders.pooling import mean_pool


class SequenceSampler(nn.Module):
    """Token logits w_2 act(W_1 [x_i; pool(x); x_i * pool(x)] + b_1) + b_2, with pool(x) the mean of real tokens."""

    def __init__(
        self, width: int, hidden: int = 300, activation: str = "elu", dropout: float = 0.0, numbers: int = 1
    ) -> None:
        """Make the layers.

        Args:
            width: E.
            hidden: units of the hidden layer.
            activation: of the hidden layer.
            dropout: probability of zeroing each input of both layers.
            numbers: outputs for each token.
        """
        super().__init__()
        self.dropout = dropout
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
        """Compute the logits.

        Args:
            tokens: (B, n, E).
            mask: (B, n) bool, True = a real token.

        Returns:
            (B, n, `numbers`).
        """
        mean = mean_pool(tokens, mask)[0].unsqueeze(1)
        if self.training and self.dropout:
            pooled = mean.expand_as(tokens)
            logits: Tensor = self.layers(torch.cat([tokens, pooled, tokens * pooled], -1))
            return logits
        hidden = self._first_layer(tokens, mean)
        for layer in self.layers[2:]:
            hidden = layer(hidden)
        return hidden

    def _first_layer(self, tokens: Tensor, mean: Tensor) -> Tensor:
        """Compute W_1 [x_i; m; x_i * m] + b_1 without making the concatenation.

        It is (A + C diag(m)) x_i + B m + b_1 with W_1 = [A, B, C], which takes a third of the work.
        """
        joined = cast(nn.Linear, self.layers[1])
        own, of_mean, of_both = joined.weight.split(tokens.shape[-1], 1)
        return torch.baddbmm(F.linear(mean, of_mean, joined.bias), tokens, (own + of_both * mean).mT)
