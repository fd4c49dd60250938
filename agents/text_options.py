"""The options of agents that read whole texts; pydantic only, as `options.py`."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.encoders.options import EncoderOptions, HopsOptions, RecurrentEncoderOptions
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
    pair: Literal["difference", "absolute", "symmetric", "gated"] = Field(
        "absolute",
        description="What is read of two texts u and v: u, v, u * v and u - v (Shen et al., 2018), or with |u - v| "
        "(Conneau et al., 2017); or u * v and |u - v| alone, for which their order makes no difference (Tai et al., "
        "2015); or, of a structured pooling, the product hop by hop of what matrices make of u and v (Lin et al., "
        "2017).",
    )
    relatedness: Literal["squared", "divergence"] = Field(
        "squared",
        description="Where a score is asked: half its squared error, or the divergence from the target of two levels.",
    )
    hidden: int = Field(0, ge=0, description="Units of the hidden layer before the answer; 0 for none.")
    head_norm: bool = Field(False, description="Layer norm of the hidden layer, before its activation.")
    activation: Literal["relu", "elu", "tanh", "sigmoid"] = Field("relu", description="Of the hidden layer.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of word vectors' and encoded features that is left out.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")
    penalty: float = Field(1.0, ge=0, description="Weight of the encoder's own penalty, if it has one.")

    @field_validator("pair")
    @classmethod
    def _gates_are_for_hops(cls, pair: str, others: ValidationInfo) -> str:
        encoder = others.data.get("encoder")
        if pair == "gated" and encoder is not None and not isinstance(_pooling(encoder), HopsOptions):
            found = getattr(_pooling(encoder), "kind", f"{encoder.kind}, which has no such pooling")
            raise PydanticCustomError("pair", f"'gated' needs agent.encoder.pooling: structured (got {found})")
        return pair

    @field_validator("head_norm")
    @classmethod
    def _norm_is_of_a_layer(cls, head_norm: bool, others: ValidationInfo) -> bool:
        if head_norm and others.data.get("hidden") == 0:
            raise PydanticCustomError("head_norm", "needs a hidden layer: set agent.hidden (got 0)")
        return head_norm

    @property
    def hops(self) -> int:
        """How many vectors, end to end, the encoder makes of a text."""
        pooling = _pooling(self.encoder)
        return pooling.hops if isinstance(pooling, HopsOptions) else 1


def _pooling(encoder: Options) -> Options | None:
    """How an encoder pools, if there is a choice."""
    pooling: Options | None = getattr(encoder, "pooling", None)
    return pooling
