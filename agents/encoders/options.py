"""The options of every encoder of text; pydantic only, as `glimpse.agents.options`."""

from typing import Annotated, Literal

from pydantic import Field

from glimpse.agents.options import Options

Pooling = Literal["max", "mean", "last", "attention", "source2token"]
"""How vectors of tokens become one: `attention` has one weight a token, `source2token` one for each feature."""


class RecurrentEncoderOptions(Options):
    """A bidirectional LSTM or GRU, and a pooling."""

    kind: Literal["lstm", "gru"] = "lstm"
    width: int = Field(150, ge=1, description="Units of each direction.")
    layers: int = Field(1, ge=1, description="Layers, one upon the other.")
    pooling: Pooling = Field("max", description="How tokens become one vector; `last` is both directions' last state.")


class CnnEncoderOptions(Options):
    """Convolutions of several widths over the tokens, rectified, and their maxima (Kim, 2014)."""

    kind: Literal["cnn"] = "cnn"
    filters: int = Field(100, ge=1, description="Filters of each width.")
    widths: tuple[int, ...] = Field((3, 4, 5), min_length=1, description="Tokens that a filter spans.")


EncoderOptions = Annotated[RecurrentEncoderOptions | CnnEncoderOptions, Field(discriminator="kind")]
