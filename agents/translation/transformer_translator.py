"""The Transformer as a translator (Vaswani et al., 2017): its decoder keeps the keys and values of what it has written.

Axes: B lanes, L pieces of the source, M pieces of the target, D width, h heads.
"""

import math

from torch import Tensor, nn

from glimpse.agents.attention.masks import Causal, Full
from glimpse.agents.encoders.decoder import TransformerDecoder
from glimpse.agents.encoders.options import DecoderOptions, TransformerEncoderOptions
from glimpse.agents.encoders.transformer_encoder import TransformerEncoder
from glimpse.agents.translation.decoding import Decoder, Encoded, Taught, Tensors, Written
from glimpse.agents.translation.options import TranslatingTransformerOptions
from glimpse.agents.translation.translator import Translator


class LayeredEncoder(nn.Module):
    """A Transformer's encoder upon vectors times sqrt(D) (section 3.4)."""

    def __init__(self, options: TranslatingTransformerOptions, causal: bool = False) -> None:
        """Make it for vectors (B, L, D); causal: a piece reads those before it alone."""
        super().__init__()
        width = options.width
        encoder = TransformerEncoderOptions(
            mask=Causal() if causal else Full(),
            width=width,
            layers=options.layers,
            feed_forward=options.feed_forward,
            attention=options.attention,
            norm=options.norm,
            dropout=options.dropout,
        )
        self.layers = TransformerEncoder(encoder, width)

    def forward(self, vectors: Tensor, real: Tensor) -> Encoded:
        """(B, L, D) -> states (B, L, D)."""
        states, _ = self.layers.states(vectors * math.sqrt(vectors.shape[-1]), real)
        return Encoded(states * real.unsqueeze(-1), real, {})


class LayeredDecoder(Decoder):
    """A Transformer's decoder."""

    def __init__(self, options: TranslatingTransformerOptions) -> None:
        """Make it for vectors (B, D) and states of the source (B, L, D)."""
        super().__init__()
        self.width = options.width
        self.layers = TransformerDecoder(
            DecoderOptions(
                width=options.width,
                layers=options.layers,
                heads=options.heads,
                attention=options.attention,
                normaliser=options.normaliser,
                feed_forward=options.feed_forward,
                norm=options.norm,
                dropout=options.dropout,
            )
        )

    def prepare(self, encoded: Encoded) -> Tensors:
        """Keys and values of the source, layer by layer."""
        return {"real": encoded.real, **self.layers.remember(encoded.states)}

    def begin(self, encoded: Encoded) -> Tensors:
        """Nothing was written: no keys and no values."""
        return self.layers.nothing(len(encoded.states), encoded.states)

    def step(self, vector: Tensor, state: Tensors, source: Tensors, first: int) -> Written:
        """See `Decoder.step`; the weights are the mean over heads of the last layer's."""
        features, weights, state = self.layers.step(vector * math.sqrt(self.width), first, state, source)
        return Written(features, weights, state)

    def teach(self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool) -> Taught:
        """See `Decoder.teach`; the weights are those of each layer and head."""
        decoded = self.layers.read(vectors * math.sqrt(self.width), real, source, need_weights)
        crossed = {name: weights for name, weights in decoded.weights.items() if name.startswith("cross")}
        return Taught(decoded.states, crossed)


class TranslatingTransformer(Translator):
    """The Transformer; its dropout is of sums of vectors and positions, and of what sublayers add (section 5.4)."""

    drops = False

    def make(self, options: TranslatingTransformerOptions) -> tuple[nn.Module, Decoder, int]:
        """Encoder, decoder, and the width of vectors."""
        return LayeredEncoder(options), LayeredDecoder(options), options.width
