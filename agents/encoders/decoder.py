"""Transformer decoder (Vaswani et al., 2017), which attends to its own earlier tokens and to an encoded text.

Axes: B texts, L tokens of the encoded text, M tokens of the decoded text, D width.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

from torch import Tensor, nn

from glimpse.agents.attention.attended import Attended, by_head
from glimpse.agents.attention.masks import Causal
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.multi_head import MultiHead, scaled_dot_product, split
from glimpse.agents.attention.newest import attend_at, attend_newest
from glimpse.agents.attention.positions import sinusoids
from glimpse.agents.dropout import Dropout
from glimpse.agents.encoders.options import DecoderOptions
from glimpse.agents.encoders.transformer_encoder import Residual, feed_forward


class Decoded(NamedTuple):
    """States of a decoded text, and the weights of attention.

    states: (B, M, D); that of token t depends on the tokens up to t and on the encoded text.
    weights: `self1` (B, h, M, M) and `cross1` (B, h, M, L), and so on for each layer, if they were asked for.
    """

    states: Tensor
    weights: dict[str, Tensor]


class DecoderLayer(nn.Module):
    """Layer of self-attention, attention to the encoded text, and a feed-forward network (section 3.1)."""

    def __init__(self, options: DecoderOptions, number: int = 0) -> None:
        """Make the networks for (B, M, D) and (B, L, D); this is layer `number`, from 0."""
        super().__init__()
        width = options.width
        self.attention = make_attention(options.own, width, layer=number)
        self.cross = MultiHead(width, options.heads, options.normaliser)
        self.feed_forward = feed_forward(width, options.feed_forward)
        self.residuals = nn.ModuleList(Residual(width, options.dropout, options.norm) for _ in range(3))

    def remember(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Compute keys and values of the encoded text (B, L, D), (B, h, L, D / h) each."""
        heads = self.cross.heads
        return split(heads.key(memory), heads.count), split(heads.value(memory), heads.count)

    def forward(
        self,
        tokens: Tensor,
        mask: Tensor,
        remembered: tuple[Tensor, Tensor],
        memory_mask: Tensor,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Apply the layer to all tokens.

        Args:
            tokens: (B, M, D).
            mask: bool that broadcasts to (B, M, M), True where a token may be read.
            remembered: keys and values of the encoded text, as `remember` returned them.
            memory_mask: bool that broadcasts to (B, M, L).
            need_weights: whether to return the weights.

        Returns:
            (B, M, D), and the weights of both attentions, (B, h, M, M) and (B, h, M, L), or None.
        """
        around = cast(list[Residual], list(self.residuals))
        seen = around[0].before(tokens)
        context, own = cast(Attended, self.attention(seen, seen, seen, mask, need_weights=need_weights))
        tokens, read = self._after(around[0].after(tokens, context), remembered, memory_mask, need_weights)
        return tokens, own, read

    def step(
        self,
        token: Tensor,
        before: tuple[Tensor, Tensor],
        remembered: tuple[Tensor, Tensor],
        memory_mask: Tensor,
        position: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None, tuple[Tensor, Tensor]]:
        """Apply the layer to one more token, with the keys and values of the tokens before, (B, h, t, D / h) each.

        Args:
            token: (B, 1, D).
            before: keys and values; where there is a `position`, as `attend_at` takes them.
            remembered: as of `forward`.
            memory_mask: as of `forward`.
            position: (B,) int64, the tokens' positions, where these differ between texts.

        Returns:
            (B, 1, D), the weights of the encoded text (B, h, 1, L), and keys and values with the token's own.
        """
        around = cast(list[Residual], list(self.residuals))
        seen = around[0].before(token)
        if position is None:
            context, after = attend_newest(self.attention, seen, before)
        else:
            context, after = attend_at(self.attention, seen, position, before)
        token, read = self._after(around[0].after(token, context), remembered, memory_mask, True)
        return token, read, after

    def _after(
        self, tokens: Tensor, remembered: tuple[Tensor, Tensor], memory_mask: Tensor, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Apply what follows self-attention: (B, M, D), and the weights (B, h, M, L) of the encoded text or None."""
        _, around_cross, around_feed_forward = cast(list[Residual], list(self.residuals))
        heads, mask = self.cross.heads, by_head(memory_mask)
        query = split(heads.query(around_cross.before(tokens)), heads.count)
        attended = scaled_dot_product(query, *remembered, mask, None, self.cross.normalise, need_weights)
        context, read = heads.join(attended, mask)
        tokens = around_cross.after(tokens, context)
        added = self.feed_forward(around_feed_forward.before(tokens))
        return around_feed_forward.after(tokens, added), read


class TransformerDecoder(nn.Module):
    """Stack of decoder layers over vectors of tokens with positions."""

    def __init__(self, options: DecoderOptions) -> None:
        """Make the layers for tokens (B, M, D)."""
        super().__init__()
        self.options = options
        self.dropout = Dropout(options.dropout)
        self.layers = nn.ModuleList(DecoderLayer(options, number) for number in range(options.layers))
        self.norm = nn.LayerNorm(options.width) if options.norm == "pre" else nn.Identity()

    def forward(
        self, tokens: Tensor, real: Tensor, memory: Tensor, memory_real: Tensor, need_weights: bool = False
    ) -> Decoded:
        """Decode a known text, all tokens at once.

        Args:
            tokens: vectors (B, M, D) of the token before each one that is predicted.
            real: (B, M) bool, True for real tokens.
            memory: the encoded text, (B, L, D), as `TransformerEncoder.states` gives it.
            memory_real: (B, L) bool.
            need_weights: whether to return the weights.
        """
        return self.read(tokens, real, {"real": memory_real, **self.remember(memory)}, need_weights)

    def remember(self, memory: Tensor) -> dict[str, Tensor]:
        """Compute keys and values of the encoded text (B, L, D) for each layer, each (B, h, L, D / h), by name."""
        return _named(layer.remember(memory) for layer in self._layers)

    def read(self, tokens: Tensor, real: Tensor, source: dict[str, Tensor], need_weights: bool = False) -> Decoded:
        """Decode as `forward` does, from an encoded text of which `source` holds the result of `remember`, and `real`.

        `real` is (B, L), or (B, M, L) where tokens may read different parts of it.
        """
        x = self.dropout(self._placed(tokens, 0))
        mask, memory_mask = Causal().over(real), source["real"]
        memory_mask = memory_mask.unsqueeze(1) if memory_mask.dim() == 2 else memory_mask
        weights: dict[str, Tensor] = {}
        for number, layer in enumerate(self._layers):
            x, own, read = layer(x, mask, _numbered(source, number), memory_mask, need_weights)
            weights |= {} if own is None else {f"self{number + 1}": own, f"cross{number + 1}": read}
        return Decoded(self.norm(x), weights)

    def nothing(self, count: int, like: Tensor) -> dict[str, Tensor]:
        """Return keys and values of no tokens, for `count` texts and each layer, each (B, h, 0, D / h); see `step`."""
        heads = self.options.own.heads
        empty = like.new_zeros(count, heads, 0, self.options.width // heads)
        return _named((empty, empty) for _ in self._layers)

    def step(
        self, token: Tensor, number: int, before: dict[str, Tensor], source: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Decode one more token without dropout: the result is that of `read`, at the cost of one token.

        Args:
            token: (B, D), token `number`, from 0.
            number: how many tokens came before.
            before: keys and values of these, as `nothing` or the last step returned them.
            source: as of `read`.

        Returns:
            Its state (B, D), the last layer's weights of the encoded text (B, L), their mean over heads, and the keys
            and values with its own.
        """
        x, memory_mask, after = self._placed(token.unsqueeze(1), number), source["real"].unsqueeze(1), []
        read: Tensor | None = None
        for layer_number, layer in enumerate(self._layers):
            known = _numbered(before, layer_number), _numbered(source, layer_number)
            x, read, kept = layer.step(x, *known, memory_mask)
            after.append(kept)
        state: Tensor = self.norm(x)
        assert read is not None
        return state[:, 0], read.mean(1)[:, 0], _named(after)

    def step_at(
        self, token: Tensor, position: Tensor, known: dict[str, Tensor], source: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Decode one more token as `step` does, where each text has its own position; it may be overwritten.

        Args:
            token: (B, D).
            position: (B,) int64, the token's position in each text.
            known: keys and values of the tokens before, with room for all positions; see `attend_at`.
            source: as of `read`.

        Returns:
            Its state (B, D), and keys and values with its own.
        """
        if self.options.sinusoidal:
            token = token + sinusoids(known["key0"].shape[2], token.shape[1], token.device, token.dtype)[position]
        x, memory_mask, after = token.unsqueeze(1), source["real"].unsqueeze(1), []
        for number, layer in enumerate(self._layers):
            x, _, kept = layer.step(x, _numbered(known, number), _numbered(source, number), memory_mask, position)
            after.append(kept)
        state: Tensor = self.norm(x)
        return state[:, 0], _named(after)

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))

    def _placed(self, tokens: Tensor, first: int) -> Tensor:
        """Add positions from `first` on to tokens (B, M, D), if the options say so."""
        if not self.options.sinusoidal:
            return tokens
        positions = sinusoids(first + tokens.shape[1], tokens.shape[2], tokens.device, tokens.dtype)
        return tokens + positions[first:]


def _named(pairs: Iterable[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Name the keys and values of each layer."""
    named: dict[str, Tensor] = {}
    for number, (key, value) in enumerate(pairs):
        named |= {f"key{number}": key, f"value{number}": value}
    return named


def _numbered(named: dict[str, Tensor], number: int) -> tuple[Tensor, Tensor]:
    """Return the keys and values of one layer."""
    return named[f"key{number}"], named[f"value{number}"]
