"""Factory of encoders."""

from glimpse.agents.encoders.convolutional import CnnEncoder
from glimpse.agents.encoders.disan import DisanEncoder
from glimpse.agents.encoders.distance_based import DistanceEncoder
from glimpse.agents.encoders.encoded import Encoder
from glimpse.agents.encoders.hierarchical_encoder import HierarchicalEncoder
from glimpse.agents.encoders.options import (
    CnnEncoderOptions,
    DisanEncoderOptions,
    DistanceEncoderOptions,
    EncoderOptions,
    HierarchicalEncoderOptions,
    RecurrentEncoderOptions,
    ResanEncoderOptions,
    TransformerEncoderOptions,
)
from glimpse.agents.encoders.recurrent_encoder import RecurrentEncoder
from glimpse.agents.encoders.resan_encoder import ResanEncoder
from glimpse.agents.encoders.transformer_encoder import TransformerEncoder


def make_encoder(options: EncoderOptions | ResanEncoderOptions, embedding_width: int) -> Encoder:
    """Make the encoder that the options name, for tokens (B, L, E), or (B, S, L, E) for hierarchical ones."""
    match options:
        case CnnEncoderOptions():
            return CnnEncoder(options, embedding_width)
        case TransformerEncoderOptions():
            return TransformerEncoder(options, embedding_width)
        case ResanEncoderOptions():
            return ResanEncoder(options, embedding_width)
        case DisanEncoderOptions():
            return DisanEncoder(options, embedding_width)
        case DistanceEncoderOptions():
            return DistanceEncoder(options, embedding_width)
        case HierarchicalEncoderOptions():
            return HierarchicalEncoder(options, embedding_width)
        case RecurrentEncoderOptions():
            return RecurrentEncoder(options, embedding_width)
