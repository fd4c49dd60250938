"""Encoders by name."""

from glimpse.agents.encoders.convolutional import CnnEncoder
from glimpse.agents.encoders.encoded import Encoder
from glimpse.agents.encoders.options import CnnEncoderOptions, EncoderOptions
from glimpse.agents.encoders.recurrent import RecurrentEncoder


def make_encoder(options: EncoderOptions, embedding_width: int) -> Encoder:
    """The encoder that the options name, for tokens (B, L, E)."""
    if isinstance(options, CnnEncoderOptions):
        return CnnEncoder(options, embedding_width)
    return RecurrentEncoder(options, embedding_width)
