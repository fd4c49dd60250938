"""A Transformer's decoder (Vaswani et al., 2017): reads what came before, and an encoded text.

Axes: B texts, L tokens of the encoded text, M tokens of the one that is made, D width.
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
    """A text in the making.

    states: (B, M, D); that of token t knows the tokens up to t, and the encoded text.
    weights: `self1` (B, h, M, M) and `cross1` (B, h, M, L), and so on for each layer, if they were asked for.
    """

    states: Tensor
    weights: dict[str, Tensor]


class DecoderLayer(nn.Module):
    """Attention to what came before, attention to the encoded text, and a feed-forward network (section 3.1)."""

    def __init__(self, options: DecoderOptions, number: int = 0) -> None:
        """Make it for (B, M, D) and (B, L, D); it is layer `number` from 0."""
        super().__init__()
        width = options.width
        self.attention = make_attention(options.own, width, layer=number)
        self.cross = MultiHead(width, options.heads, options.normaliser)
        self.feed_forward = feed_forward(width, options.feed_forward)
        self.residuals = nn.ModuleList(Residual(width, options.dropout, options.norm) for _ in range(3))

    def remember(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the encoded text (B, L, D), (B, h, L, D / h) each."""
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
        """One layer.

        Args:
            tokens: (B, M, D).
            mask: bool that broadcasts to (B, M, M), True where a token may be read.
            remembered: what `remember` gave of the encoded text.
            memory_mask: bool that broadcasts to (B, M, L).
            need_weights: whether to give the weights.

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
        place: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None, tuple[Tensor, Tensor]]:
        """The same of one more token (B, 1, D), with the keys and values of those before, (B, h, t, D / h) each.

        Args:
            token: (B, 1, D).
            before: keys and values; where there is a `place`, as `attend_at` takes them.
            remembered: as of `forward`.
            memory_mask: as of `forward`.
            place: (B,) int64, the tokens' places, where texts differ in that.

        Returns:
            (B, 1, D), the weights of the encoded text (B, h, 1, L), and keys and values with the token's own.
        """
        around = cast(list[Residual], list(self.residuals))
        seen = around[0].before(token)
        if place is None:
            context, after = attend_newest(self.attention, seen, before)
        else:
            context, after = attend_at(self.attention, seen, place, before)
        token, read = self._after(around[0].after(token, context), remembered, memory_mask, True)
        return token, read, after

    def _after(
        self, tokens: Tensor, remembered: tuple[Tensor, Tensor], memory_mask: Tensor, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """What follows attention to the tokens themselves: (B, M, D), and the weights of the encoded text."""
        _, around_cross, around_feed_forward = cast(list[Residual], list(self.residuals))
        heads, mask = self.cross.heads, by_head(memory_mask)
        query = split(heads.query(around_cross.before(tokens)), heads.count)
        attended = scaled_dot_product(query, *remembered, mask, None, self.cross.normalise, need_weights)
        context, read = heads.join(attended, mask)
        tokens = around_cross.after(tokens, context)
        added = self.feed_forward(around_feed_forward.before(tokens))
        return around_feed_forward.after(tokens, added), read


class TransformerDecoder(nn.Module):
    """Layers upon vectors of tokens with positions."""

    def __init__(self, options: DecoderOptions) -> None:
        """Make it for tokens (B, M, D)."""
        super().__init__()
        self.options = options
        self.dropout = Dropout(options.dropout)
        self.layers = nn.ModuleList(DecoderLayer(options, number) for number in range(options.layers))
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
        return self.read(tokens, real, {"real": memory_real, **self.remember(memory)}, need_weights)

    def remember(self, memory: Tensor) -> dict[str, Tensor]:
        """Keys and values of the encoded text (B, L, D) for each layer, each (B, h, L, D / h), by name."""
        return _named(layer.remember(memory) for layer in self._layers)

    def read(self, tokens: Tensor, real: Tensor, source: dict[str, Tensor], need_weights: bool = False) -> Decoded:
        """As `forward`, of an encoded text of which `source` has what `remember` gave, and `real`.

        `real` is (B, L), or (B, M, L) where not every token may read the same.
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
        """Keys and values of no token, for so many texts and each layer, each (B, h, 0, D / h); see `step`."""
        heads = self.options.own.heads
        empty = like.new_zeros(count, heads, 0, self.options.width // heads)
        return _named((empty, empty) for _ in self._layers)

    def step(
        self, token: Tensor, number: int, before: dict[str, Tensor], source: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """One more token, without dropout: what `read` would give of it, at the cost of one.

        Args:
            token: (B, D), token `number` from 0.
            number: how many there were before.
            before: keys and values of these, as `nothing` or the last step gave them.
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
        self, token: Tensor, place: Tensor, known: dict[str, Tensor], source: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As `step`, where each text may be at another place; a place may be written anew.

        Args:
            token: (B, D).
            place: (B,) int64, the token's number in each text.
            known: keys and values of the tokens before, with room; see `attend_at`.
            source: as of `read`.

        Returns:
            Its state (B, D), and keys and values with its own.
        """
        if self.options.sinusoidal:
            token = token + sinusoids(known["key0"].shape[2], token.shape[1], token.device, token.dtype)[place]
        x, memory_mask, after = token.unsqueeze(1), source["real"].unsqueeze(1), []
        for number, layer in enumerate(self._layers):
            x, _, kept = layer.step(x, _numbered(known, number), _numbered(source, number), memory_mask, place)
            after.append(kept)
        state: Tensor = self.norm(x)
        return state[:, 0], _named(after)

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))

    def _placed(self, tokens: Tensor, first: int) -> Tensor:
        """Tokens (B, M, D) with their positions, if any are added, from `first` on."""
        if not self.options.sinusoidal:
            return tokens
        places = sinusoids(first + tokens.shape[1], tokens.shape[2], tokens.device, tokens.dtype)
        return tokens + places[first:]


def _named(pairs: Iterable[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Keys and values of each layer, by name."""
    named: dict[str, Tensor] = {}
    for number, (key, value) in enumerate(pairs):
        named |= {f"key{number}": key, f"value{number}": value}
    return named


def _numbered(named: dict[str, Tensor], number: int) -> tuple[Tensor, Tensor]:
    """Keys and values of one layer."""
    return named[f"key{number}"], named[f"value{number}"]
