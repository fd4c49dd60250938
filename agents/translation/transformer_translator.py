"""Transformer translator (Vaswani et al., 2017), whose decoder caches the keys and values of generated tokens.

Axes: B lanes, L tokens of the source, M tokens of the target, D width, h heads.
"""

import math

from torch import Tensor, nn

from glimpse.agents.attention.masks import Causal, Full
from glimpse.agents.encoders.decoder import TransformerDecoder
from glimpse.agents.encoders.options import DecoderOptions, TransformerEncoderOptions
from glimpse.agents.encoders.transformer_encoder import TransformerEncoder
from glimpse.agents.translation.decoding import Decoder, DecoderStep, EncodedSource, TeacherForced, Tensors
from glimpse.agents.translation.options import TranslatingTransformerOptions
from glimpse.agents.translation.translator import Translator


class LayeredEncoder(nn.Module):
    """Transformer encoder of token vectors, which it multiplies by sqrt(D) (section 3.4)."""

    def __init__(self, options: TranslatingTransformerOptions, causal: bool = False) -> None:
        """Make an encoder of vectors (B, L, D); causal: each token attends only to itself and to those before it."""
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

    def forward(self, vectors: Tensor, real: Tensor) -> EncodedSource:
        """Encode vectors (B, L, D) as states (B, L, D)."""
        states, _ = self.layers.states(vectors * math.sqrt(vectors.shape[-1]), real)
        return EncodedSource(states * real.unsqueeze(-1), real, {})


class LayeredDecoder(Decoder):
    """Transformer decoder of token vectors, which it multiplies by sqrt(D)."""

    def __init__(self, options: TranslatingTransformerOptions) -> None:
        """Make a decoder of vectors (B, D) and source states (B, L, D)."""
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

    def prepare(self, encoded: EncodedSource) -> Tensors:
        """Compute keys and values of the source for each layer."""
        return {"real": encoded.real, **self.layers.remember(encoded.states)}

    def initial_memory(self, encoded: EncodedSource) -> Tensors:
        """Return an empty cache of keys and values."""
        return self.layers.nothing(encoded.states.shape[0], encoded.states)

    def step(self, vector: Tensor, state: Tensors, source: Tensors, index: int) -> DecoderStep:
        """Generate one token; the weights are the last layer's, averaged over heads. See `Decoder.step`."""
        features, weights, state = self.layers.step(vector * math.sqrt(self.width), index, state, source)
        return DecoderStep(features, weights, state)

    def teacher_force(
        self, vectors: Tensor, real: Tensor, state: Tensors, source: Tensors, need_weights: bool
    ) -> TeacherForced:
        """Compute all steps of a known target, with weights of each layer and head; see `Decoder.teacher_force`."""
        decoded = self.layers.read(vectors * math.sqrt(self.width), real, source, need_weights)
        crossed = {name: weights for name, weights in decoded.weights.items() if name.startswith("cross")}
        return TeacherForced(decoded.states, crossed)


class TranslatingTransformer(Translator):
    """Transformer translator; its networks apply the dropout of section 5.4 themselves."""

    drops = False

    def make_networks(self, options: TranslatingTransformerOptions) -> tuple[nn.Module, Decoder, int]:
        """Return the encoder, the decoder, and the width of token vectors."""
        return LayeredEncoder(options), LayeredDecoder(options), options.width
