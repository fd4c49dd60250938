"""A Transformer's decoder (Vaswani et al., 2017): reads what came before, and an encoded text.

Axes: B texts, L tokens of the encoded text, M tokens of the one that is made, D width.
"""

from typing import NamedTuple, cast

from torch import Tensor, nn

from glimpse.agents.attention.masks import Causal
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.positions import sinusoids
from glimpse.agents.encoders.options import DecoderOptions
from glimpse.agents.encoders.transformer import Residual, feed_forward


class Decoded(NamedTuple):
    """A text in the making.

    states: (B, M, D); that of token t knows the tokens up to t, and the encoded text.
    weights: `self1` (B, h, M, M) and `cross1` (B, h, M, L), and so on for each layer, if they were asked for.
    """

    states: Tensor
    weights: dict[str, Tensor]


class DecoderLayer(nn.Module):
    """Attention to what came before, attention to the encoded text, and a feed-forward network (section 3.1)."""

    def __init__(self, options: DecoderOptions) -> None:
        """Make it for (B, M, D) and (B, L, D)."""
        super().__init__()
        width = options.width
        self.attention, self.cross = MultiHead(width, options.heads), MultiHead(width, options.heads)
        self.feed_forward = feed_forward(width, options.feed_forward)
        self.residuals = nn.ModuleList(Residual(width, options.dropout, options.norm) for _ in range(3))

    def forward(
        self, tokens: Tensor, mask: Tensor, memory: Tensor, memory_mask: Tensor, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """One layer.

        Args:
            tokens: (B, M, D).
            mask: bool that broadcasts to (B, M, M), True where a token may be read.
            memory: the encoded text, (B, L, D).
            memory_mask: bool that broadcasts to (B, M, L).
            need_weights: whether to give the weights.

        Returns:
            (B, M, D), and the weights of both attentions, (B, h, M, M) and (B, h, M, L), or None.
        """
        around_self, around_cross, around_feed_forward = cast(list[Residual], list(self.residuals))
        seen = around_self.before(tokens)
        context, own = self.attention(seen, seen, seen, mask, need_weights=need_weights)
        tokens = around_self.after(tokens, context)
        context, read = self.cross(around_cross.before(tokens), memory, memory, memory_mask, need_weights=need_weights)
        tokens = around_cross.after(tokens, context)
        added = self.feed_forward(around_feed_forward.before(tokens))
        return around_feed_forward.after(tokens, added), own, read


class TransformerDecoder(nn.Module):
    """Layers upon vectors of tokens with positions."""

    def __init__(self, options: DecoderOptions) -> None:
        """Make it for tokens (B, M, D)."""
        super().__init__()
        self.dropout = nn.Dropout(options.dropout)
        self.layers = nn.ModuleList(DecoderLayer(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.width) if options.norm == "pre" else nn.Identity()

    def forward(
        self, tokens: Tensor, real: Tensor, memory: Tensor, memory_real: Tensor, need_weights: bool = False
    ) -> Decoded:
        """Decode.

        Args:
            tokens: those that came before each that is to be made, (B, M, D).
            real: (B, M) bool, True for real tokens.
            memory: the encoded text, (B, L, D), as `TransformerEncoder.states` gives it.
            memory_real: (B, L) bool.
            need_weights: whether to give the weights.
        """
        x = self.dropout(tokens + sinusoids(tokens.shape[1], tokens.shape[2], tokens.device, tokens.dtype))
        mask, memory_mask = Causal().over(real), memory_real.unsqueeze(1)
        weights: dict[str, Tensor] = {}
        for number, layer in enumerate(self.layers, 1):
            x, own, read = layer(x, mask, memory, memory_mask, need_weights)
            weights |= {} if own is None else {f"self{number}": own, f"cross{number}": read}
        return Decoded(self.norm(x), weights)
