"""The options of agents that read whole texts; pydantic only, as `options.py`."""

from typing import Literal

from pydantic import Field

from glimpse.agents.encoders.options import EncoderOptions, RecurrentEncoderOptions
from glimpse.agents.options import Options


class ReaderOptions(Options):
    """An agent that sees a whole text at once, or two of them, and answers."""

    name: Literal["reader"] = "reader"
    encoder: EncoderOptions = Field(RecurrentEncoderOptions(), description="From tokens to a vector; `kind` names it.")
    embedding_width: int = Field(50, ge=1, description="Width of word vectors where the task gives none.")
    embedding: Literal["trained", "frozen"] = Field(
        "trained",
        description="Whether the word vectors that the task gives are trained; words without one always are.",
    )
    embedding_rate: float = Field(1.0, gt=0, description="Multiple of the learning rate, for word vectors.")
    word_dropout: float = Field(0.0, ge=0, lt=1, description="Share of words whose whole vector is left out.")
    pair: Literal["difference", "absolute", "symmetric"] = Field(
        "absolute",
        description="What is read of two texts u and v: u, v, u * v and u - v (Shen et al., 2018), or with |u - v| "
        "(Conneau et al., 2017); or u * v and |u - v| alone, for which their order makes no difference (Tai et al., "
        "2015).",
    )
    relatedness: Literal["squared", "divergence"] = Field(
        "squared",
        description="Where a score is asked: half its squared error, or the divergence from the target of two levels.",
    )
    hidden: int = Field(0, ge=0, description="Units of the hidden layer before the answer; 0 for none.")
    activation: Literal["relu", "elu", "tanh"] = Field("relu", description="Of the hidden layer.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of word vectors' and encoded features that is left out.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")
    penalty: float = Field(1.0, ge=0, description="Weight of the encoder's own penalty, if it has one.")
