"""A Transformer's encoder (Vaswani et al., 2017), with any attention between tokens and any pattern of what is read.

Axes: B texts, L tokens, E width of a word's vector, D width.
"""

from typing import cast

from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.positions import sinusoids
from glimpse.agents.encoders.encoded import Encoded, Encoder
from glimpse.agents.encoders.options import TransformerEncoderOptions
from glimpse.agents.encoders.pooling import Pooling


class TransformerLayer(nn.Module):
    """Attention and a feed-forward network, each added to what came in (section 3.1).

    post: LN(x + Drop(f(x))), as in the paper; pre: x + Drop(f(LN(x))).
    """

    def __init__(self, options: TransformerEncoderOptions) -> None:
        """Make it for (B, L, D)."""
        super().__init__()
        width = options.width
        self.attention = make_attention(options.attention, width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, options.feed_forward), nn.ReLU(), nn.Linear(options.feed_forward, width)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(options.dropout)
        self.first = options.norm == "pre"

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool) -> Attended:
        """(B, L, D) and what may be read (B, L, L) -> (B, L, D), and the attention's weights."""
        norm, other = self.norms
        seen = norm(tokens) if self.first else tokens
        context, weights = self.attention(seen, seen, seen, mask, need_weights=need_weights)
        tokens = tokens + self.dropout(context)
        if not self.first:
            tokens = norm(tokens)
        tokens = tokens + self.dropout(self.feed_forward(other(tokens) if self.first else tokens))
        return Attended(tokens if self.first else other(tokens), weights)


class TransformerEncoder(Encoder):
    """Layers upon word vectors with positions, and a pooling.

    Its weights are called `layer1` and so on, (B, h, L, L).
    """

    def __init__(self, options: TransformerEncoderOptions, embedding_width: int) -> None:
        """Make it for tokens (B, L, E)."""
        super().__init__()
        self.options = options
        width = options.width
        self.enter = nn.Linear(embedding_width, width) if embedding_width != width else nn.Identity()
        self.dropout = nn.Dropout(options.dropout)
        self.layers = nn.ModuleList(TransformerLayer(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(width) if options.norm == "pre" else nn.Identity()
        self.pooling = Pooling(options.pooling, width)
        self.width = self.pooling.width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`. Weights of pairs are made if they are asked for."""
        x = self.enter(tokens)
        if self.options.positions == "sinusoidal":
            x = x + sinusoids(x.shape[1], x.shape[2], x.device)
        x, readable, weights = self.dropout(x), self.options.mask.over(mask), {}
        for number, layer in enumerate(self.layers, 1):
            x, seen = cast(Attended, layer(x, readable, need_weights))
            if seen is not None:
                weights[f"layer{number}"] = seen
        pooled = cast(Encoded, self.pooling(self.norm(x), mask))
        return pooled._replace(weights={**pooled.weights, **weights})
