"""Distance-based self-attention network (Im and Cho, 2017).

Axes: B texts, L tokens, E width of a word's vector, D width of a direction.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.distance import Distance
from glimpse.agents.attention.gates import ProjectedGate
from glimpse.agents.attention.source2token import Source2Token
from glimpse.agents.encoders.encoded import Encoded, Encoder
from glimpse.agents.encoders.options import DistanceEncoderOptions
from glimpse.agents.encoders.pooling import max_pool

DIRECTIONS = ("forward", "backward")


class DistanceBlock(nn.Module):
    """One direction: distance-based attention, a gate that mixes in the input, and a feed-forward network."""

    def __init__(self, options: DistanceEncoderOptions, direction: str) -> None:
        """Make the networks for tokens (B, L, D)."""
        super().__init__()
        width = options.width
        normed = options.layer_norm
        self.attention = Distance(width, options.heads, options.alpha, direction, options.normaliser, normed)
        self.gate = ProjectedGate(width, options.dropout, normed)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, options.feed_forward), nn.ReLU(), nn.Linear(options.feed_forward, width)
        )
        self.norm = nn.LayerNorm(width) if normed else nn.Identity()
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool) -> Attended:
        """Apply the block to tokens (B, L, D), of which (B, L) are real -> (B, L, D), and weights (B, h, L, L)."""
        read, weights = self.attention(tokens, tokens, tokens, mask.unsqueeze(1), need_weights=need_weights)
        mixed = self.gate(tokens, self.dropout(read))
        return Attended(self.norm(mixed + self.dropout(self.feed_forward(mixed))), weights)


class DistanceEncoder(Encoder):
    """Encoder by both directions side by side, pooled by attention for each feature and by the maximum, to (B, 4 D)."""

    def __init__(self, options: DistanceEncoderOptions, embedding_width: int) -> None:
        """Make the networks for tokens (B, L, E)."""
        super().__init__()
        width = options.width
        self.enter = nn.Linear(embedding_width, width) if embedding_width != width else nn.Identity()
        self.directions = nn.ModuleList(DistanceBlock(options, direction) for direction in DIRECTIONS)
        self.pooling = Source2Token(2 * width, "elu", options.dropout, options.normaliser)
        self.width = 4 * width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`. Weights of pairs are called `forward` and `backward`, (B, h, L, L)."""
        x = self.enter(tokens)
        read = [cast(Attended, block(x, mask, need_weights)) for block in self.directions]
        both = torch.cat([attended.context for attended in read], -1)
        context, weights = self.pooling(None, both, both, mask.unsqueeze(1))
        largest, _ = max_pool(both, mask)
        seen = {"tokens": weights.squeeze(1).mean(-1)}
        for direction, (_, pairs) in zip(DIRECTIONS, read, strict=True):
            seen |= {} if pairs is None else {direction: pairs}
        return Encoded(torch.cat([context.squeeze(1), largest], -1), seen)
