"""Transformer encoder (Vaswani et al., 2017), with any self-attention and any pattern of what may be read.

Axes: B texts, L tokens, E width of a word's vector, D width.
"""

from typing import Literal, cast

from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended
from glimpse.agents.attention.masks import Full
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.newest import KeysAndValues, attend_at
from glimpse.agents.attention.positions import sinusoids
from glimpse.agents.dropout import Dropout
from glimpse.agents.encoders.encoded import Encoded, Encoder
from glimpse.agents.encoders.options import TransformerEncoderOptions
from glimpse.agents.encoders.pooling import Pooling


class Residual(nn.Module):
    """Residual connection, dropout and layer norm around a sublayer f (section 3.1).

    post, as the paper: LN(x + Drop(f(x))); pre: x + Drop(f(LN(x))).
    """

    def __init__(self, width: int, dropout: float, norm: Literal["post", "pre"]) -> None:
        """Make the layer norm and the dropout for (B, L, D)."""
        super().__init__()
        self.norm, self.dropout, self.first = nn.LayerNorm(width), Dropout(dropout), norm == "pre"

    def before(self, tokens: Tensor) -> Tensor:
        """Return the input of the sublayer."""
        return cast(Tensor, self.norm(tokens)) if self.first else tokens

    def after(self, tokens: Tensor, added: Tensor) -> Tensor:
        """Add the output of the sublayer to the tokens."""
        tokens = tokens + self.dropout(added)
        return tokens if self.first else cast(Tensor, self.norm(tokens))


def feed_forward(width: int, hidden: int) -> nn.Sequential:
    """Make the feed-forward network max(0, x W_1 + b_1) W_2 + b_2 (equation 2)."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


class TransformerLayer(nn.Module):
    """Layer of self-attention and a feed-forward network, each with a residual connection (section 3.1)."""

    def __init__(self, options: TransformerEncoderOptions, number: int = 0) -> None:
        """Make the networks for (B, L, D); this is layer `number`, from 0."""
        super().__init__()
        width = options.width
        self.attention = make_attention(options.attention, width, layer=number)
        self.feed_forward = feed_forward(width, options.feed_forward)
        self.residuals = nn.ModuleList(Residual(width, options.dropout, options.norm) for _ in range(2))

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool) -> Attended:
        """Apply the layer to tokens (B, L, D) under a mask that broadcasts to (B, L, L); also return the weights."""
        around_attention, around_feed_forward = cast(list[Residual], list(self.residuals))
        seen = around_attention.before(tokens)
        context, weights = self.attention(seen, seen, seen, mask, need_weights=need_weights)
        tokens = around_attention.after(tokens, context)
        added = self.feed_forward(around_feed_forward.before(tokens))
        return Attended(around_feed_forward.after(tokens, added), weights)

    def step(self, token: Tensor, position: Tensor, known: KeysAndValues) -> tuple[Tensor, KeysAndValues]:
        """Apply the layer to one more token of each text, which reads only the tokens before it; see `attend_at`."""
        around_attention, around_feed_forward = cast(list[Residual], list(self.residuals))
        context, after = attend_at(self.attention, around_attention.before(token), position, known)
        token = around_attention.after(token, context)
        return around_feed_forward.after(token, self.feed_forward(around_feed_forward.before(token))), after


class TransformerEncoder(Encoder):
    """Stack of layers over word vectors with positions, and a pooling.

    Its weights are called `layer1` and so on, as attention returns them: (B, h, L, L) with heads, (B, L, L) without,
    and (B, L, L, D) where each feature has its own.
    """

    def __init__(self, options: TransformerEncoderOptions, embedding_width: int) -> None:
        """Make the networks for tokens (B, L, E)."""
        super().__init__()
        self.options = options
        width = options.width
        self.enter = nn.Linear(embedding_width, width) if embedding_width != width else nn.Identity()
        self.dropout = Dropout(options.dropout)
        self.layers = nn.ModuleList(TransformerLayer(options, number) for number in range(options.layers))
        self.norm = nn.LayerNorm(width) if options.norm == "pre" else nn.Identity()
        self.pooling = Pooling(options.pooling, width)
        self.width = self.pooling.width

    def forward(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> Encoded:
        """Encode texts; see `Encoder`. Weights of pairs are returned if they are asked for."""
        states, weights = self.states(tokens, mask, need_weights)
        pooled = cast(Encoded, self.pooling(states, mask))
        return pooled._replace(weights={**pooled.weights, **weights})

    def states(self, tokens: Tensor, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the states of all tokens, (B, L, D), and the layers' weights; a decoder reads the states."""
        x: Tensor = self.enter(tokens)
        if self.options.sinusoidal:
            x = x + sinusoids(x.shape[1], x.shape[2], x.device, x.dtype)
        # A mask of tokens alone is cheaper than one of pairs.
        readable = mask.unsqueeze(1) if self.options.mask == Full() else self.options.mask.over(mask)
        x, weights = self.dropout(x), {}
        for number, layer in enumerate(self.layers, 1):
            x, seen = cast(Attended, layer(x, readable, need_weights))
            if seen is not None:
                weights[f"layer{number}"] = seen
        return self.norm(x), weights

    def step(self, token: Tensor, position: Tensor, known: list[KeysAndValues]) -> tuple[Tensor, list[KeysAndValues]]:
        """Compute the state of one more token, where no token reads those after it, at the cost of one token.

        Args:
            token: (B, E).
            position: (B,) int64, the token's position in each text.
            known: keys and values of the tokens before, for each layer; see `attend_at`.

        Returns:
            Its state (B, D), and the keys and values with its own.
        """
        x: Tensor = self.enter(token)
        if self.options.sinusoidal:
            x = x + sinusoids(known[0][0].shape[2], x.shape[1], x.device, x.dtype)[position]
        x, after = x.unsqueeze(1), []
        for layer, before in zip(cast(list[TransformerLayer], list(self.layers)), known, strict=True):
            x, kept = layer.step(x, position, before)
            after.append(kept)
        state: Tensor = self.norm(x)
        return state[:, 0], after
