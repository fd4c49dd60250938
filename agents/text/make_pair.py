"""Features of two texts by the reader's option `pair`."""

from typing import cast

from glimpse.agents.encoders.encoded import Encoder
from glimpse.agents.encoders.options import RecurrentEncoderOptions
from glimpse.agents.encoders.recurrent_encoder import RecurrentEncoder
from glimpse.agents.text.aligned_pair import AlignedPair
from glimpse.agents.text.options import ReaderOptions
from glimpse.agents.text.pair_features import ComparedPair, GatedPair, PairFeatures


def make_pair(options: ReaderOptions, encoder: Encoder) -> PairFeatures:
    """Make the network from two texts of an encoder to one vector."""
    if options.pair == "aligned":
        states = cast(RecurrentEncoder, encoder).states
        layers = cast(RecurrentEncoderOptions, options.encoder).layers
        return AlignedPair(options.encoder.kind, states.width, layers, options.dropout)
    if options.pair == "gated":
        return GatedPair(encoder.width, options.hops)
    return ComparedPair(options.pair, encoder.width)
