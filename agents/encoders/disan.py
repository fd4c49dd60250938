"""DiSAN, the directional self-attention network (Shen et al., 2018, "DiSAN", section 4).

Axes: B texts, L tokens, E width of a word's vector, D width of a direction.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.directional import DirectionalBlock
from glimpse.agents.attention.source2token import ACTIVATIONS, Source2Token
from glimpse.agents.encoders.encoded import Encoded, Encoder
from glimpse.agents.encoders.options import DisanEncoderOptions

DIRECTIONS = ("forward", "backward")


class DisanEncoder(Encoder):
    """Directional attention to the tokens before and after each token, then pooling with weights for each feature.

    Its weights, means over features, are called `tokens` (B, L), `forward` and `backward` (B, L, L).
    """

    def __init__(self, options: DisanEncoderOptions, embedding_width: int) -> None:
        """Make the networks for tokens (B, L, E)."""
        super().__init__()
        width, dropout, normaliser = options.width, options.dropout, options.normaliser
        activation = ACTIVATIONS[options.activation]
        self.directions = nn.ModuleList(
            DirectionalBlock(embedding_width, width, direction, activation, dropout, normaliser)
            for direction in DIRECTIONS
        )
        self.pooling = Source2Token(2 * width, options.activation, dropout, normaliser)
        self.width = 2 * width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`. Weights of pairs are returned if they are asked for."""
        read = [cast(Attended, block(tokens, mask, need_weights=need_weights)) for block in self.directions]
        both = torch.cat([attended.context for attended in read], -1)
        context, weights = self.pooling(None, both, both, mask.unsqueeze(1))
        seen = {"tokens": weights.squeeze(1).mean(-1)}
        for direction, (_, pairs) in zip(DIRECTIONS, read, strict=True):
            seen |= {} if pairs is None else {direction: pairs.mean(-1)}
        return Encoded(context.squeeze(1), seen)
