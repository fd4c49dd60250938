"""ReSAN, the reinforced self-attention network (Shen et al., 2018, "ReSAN", section 4).

Axes: B texts, n tokens, E width of a word's vector, D width of a direction.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.reinforced import ReinforcedBlock, Selected
from glimpse.agents.attention.source2token import ACTIVATIONS, Source2Token
from glimpse.agents.encoders.disan import DIRECTIONS
from glimpse.agents.encoders.encoded import Encoded, Encoder
from glimpse.agents.encoders.options import ResanEncoderOptions


class ResanEncoder(Encoder):
    """DiSAN in which each token is selected to read, to be read, both or neither; with all selected it is DiSAN.

    Its weights, means over features, are called `tokens` (B, n), `forward` and `backward` (B, n, n).
    """

    def __init__(self, options: ResanEncoderOptions, embedding_width: int) -> None:
        """Make the networks for tokens (B, n, E)."""
        super().__init__()
        activation = ACTIVATIONS[options.activation]
        self.directions = nn.ModuleList(
            ReinforcedBlock(
                embedding_width,
                options.width,
                direction,
                activation,
                options.dropout,
                options.normaliser,
                options.unselected,
                options.compact,
            )
            for direction in DIRECTIONS
        )
        self.pooling = Source2Token(2 * options.width, options.activation, options.dropout, options.normaliser)
        self.width = 2 * options.width
        self.leaves_out = options.unselected == "left_out"

    def forward(
        self, tokens: Tensor, mask: Tensor, need_weights: bool = False, selected: Selected | None = None
    ) -> Encoded:
        """Encode texts; see `Encoder`. Without a selection all real tokens are selected."""
        selected = Selected(mask, mask) if selected is None else selected
        blocks = (cast(ReinforcedBlock, block) for block in self.directions)
        read: list[Attended] = [block.select(tokens, mask, selected, need_weights=need_weights) for block in blocks]
        both = torch.cat([attended.context for attended in read], -1)
        pooled = selected.head if self.leaves_out else mask
        context, weights = self.pooling(None, both, both, pooled.unsqueeze(1))
        seen = {"tokens": weights.squeeze(1).mean(-1)}
        for direction, (_, pairs) in zip(DIRECTIONS, read, strict=True):
            seen |= {} if pairs is None else {direction: pairs.mean(-1)}
        return Encoded(context.squeeze(1), seen)
