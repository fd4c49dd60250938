"""Features of two texts by an alignment of their words: what each word attends to in the other text.

Axes: B pairs, L and M words of the texts, D width of a word's state, U units of each direction.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.options import DotOptions
from glimpse.agents.encoders.encoded import Encoded, TokenStates
from glimpse.agents.encoders.pooling import max_pool, mean_pool
from glimpse.agents.encoders.recurrent_encoder import BidirectionalStates
from glimpse.agents.text.pair_features import PairFeatures


class AlignedPair(PairFeatures):
    """Compares two texts word by word: the inference part of ESIM (Chen et al., 2017, equations 11 to 20).

    Each word attends to those of the other text by dot products; it is compared with what it finds, [a; c; a - c;
    a * c]; and a second recurrent network reads the comparisons, of which mean and maximum are taken.

    width: number of features, 8 U.
    """

    def __init__(self, kind: str, width: int, layers: int, dropout: float) -> None:
        """Make the networks.

        Args:
            kind: recurrent network, as of the encoder.
            width: D = 2 U.
            layers: of the second recurrent network.
            dropout: probability of zeroing each input of a layer.
        """
        super().__init__()
        self.attention = make_attention(DotOptions(), width)
        self.compare = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * width, width // 2), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.compose = BidirectionalStates(kind, width // 2, width // 2, layers)
        self.width = 4 * self.compose.width

    def forward(self, first: Encoded, second: Encoded) -> Tensor:
        """Return the features (B, 8 U) of the words of two texts, whose encoder gives their states."""
        one, other = cast(TokenStates, first.tokens), cast(TokenStates, second.tokens)
        return torch.cat([*self._composed(one, other), *self._composed(other, one)], -1)

    def aligned(self, text: TokenStates, other: TokenStates) -> Tensor:
        """Return what each word finds in the other text: (B, L, D), zeros where that is empty."""
        there = other.mask.unsqueeze(1)
        found = self.attention(text.states, other.states, other.states, there, need_weights=False)[0]
        return cast(Tensor, found * there.any(-1, keepdim=True))

    def _composed(self, text: TokenStates, other: TokenStates) -> tuple[Tensor, Tensor]:
        """Return mean and maximum (B, 2 U) of the compared words of a text."""
        own, found = text.states, self.aligned(text, other)
        compared = self.compare(torch.cat([own, found, own - found, own * found], -1))
        states, _ = self.compose(self.dropout(compared), text.mask)
        return mean_pool(states, text.mask)[0], max_pool(states, text.mask)[0]
