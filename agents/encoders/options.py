"""The options of every encoder of text; pydantic only, as `glimpse.agents.options`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import Full, PatternOptions, by_name
from glimpse.agents.attention.options import (
    AdditiveOptions,
    ContextVectorOptions,
    Headed,
    MultiHeadOptions,
    Normalised,
    RelativeOptions,
    ScoreOptions,
    SelfAttentionOptions,
    Source2TokenOptions,
    SparseOptions,
    StructuredOptions,
)
from glimpse.agents.options import Options

DecoderAttentionOptions = Annotated[
    Annotated[MultiHeadOptions | RelativeOptions | SparseOptions, Field(discriminator="kind")], BeforeValidator(by_name)
]
"""Attention that can be asked one token after the other, with the keys and values of those before kept."""


class MaxOptions(Options):
    """The largest value of each feature."""

    kind: Literal["max"] = "max"


class MeanOptions(Options):
    """The mean of all tokens."""

    kind: Literal["mean"] = "mean"


class LastOptions(Options):
    """The last states of both directions, for recurrent encoders."""

    kind: Literal["last"] = "last"


class HopsOptions(StructuredOptions):
    """Several attentions side by side, and what is added to the loss where they overlap (Lin et al., 2017)."""

    penalty: float = Field(0.0, ge=0, description="Weight of the penalty ||A A^T - I||^2.")
    penalty_reduction: Literal["sum", "mean"] = Field(
        "sum", description="Over its r x r entries: the paper's sum, or the mean of the author's code."
    )


class AskedOptions(Options):
    """One question to all tokens, by the score of any pair (Bahdanau et al., 2015; Luong et al., 2015)."""

    kind: Literal["attention"] = "attention"
    score: ScoreOptions = AdditiveOptions()


class LearnedQueryOptions(AskedOptions):
    """The same question to every text."""

    query: Literal["learned"] = Field("learned", description="Who asks.")


class StateQueryOptions(AskedOptions):
    """A text's own question, its last states, or the same to every text."""

    query: Literal["last", "learned"] = Field("last", description="Who asks: the last states, or a learned vector.")


PoolingOptions = Annotated[
    Annotated[
        MaxOptions | MeanOptions | ContextVectorOptions | Source2TokenOptions | HopsOptions | LearnedQueryOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]
"""How the vectors of tokens become one."""
StatePoolingOptions = Annotated[
    Annotated[
        MaxOptions
        | MeanOptions
        | LastOptions
        | ContextVectorOptions
        | Source2TokenOptions
        | HopsOptions
        | StateQueryOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]
"""The same for recurrent states."""


def _check_heads(heads: int, others: ValidationInfo) -> None:
    width = others.data.get("width")
    if width is not None and width % heads:
        raise PydanticCustomError("heads", f"heads should divide the width, which is {width} (got {heads})")


class RecurrentEncoderOptions(Options):
    """A bidirectional LSTM or GRU, and a pooling."""

    kind: Literal["lstm", "gru"] = "lstm"
    width: int = Field(150, ge=1, description="Units of each direction.")
    layers: int = Field(1, ge=1, description="Layers, one upon the other.")
    pooling: StatePoolingOptions = MaxOptions()


class CnnEncoderOptions(Options):
    """Convolutions of several widths over the tokens, rectified, and their maxima (Kim, 2014)."""

    kind: Literal["cnn"] = "cnn"
    filters: int = Field(100, ge=1, description="Filters of each width.")
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (3, 4, 5), min_length=1, description="Tokens that a filter spans."
    )


class TransformerEncoderOptions(Options):
    """A Transformer's encoder (Vaswani et al., 2017), and a pooling."""

    kind: Literal["transformer"] = "transformer"
    width: int = Field(128, ge=1, description="D, which the heads divide; word vectors of another width are mapped.")
    layers: int = Field(2, ge=1, description="Layers, one upon the other.")
    feed_forward: int = Field(256, ge=1, description="Hidden units of the layer after attention.")
    attention: SelfAttentionOptions = Field(MultiHeadOptions(), validate_default=True, description="Between tokens.")
    mask: PatternOptions = Field(Full(), description="What a token may read, of those that are real.")
    positions: Literal["auto", "sinusoidal", "none"] = Field(
        "auto", description="What is added to tell places apart: sinusoids, but none where attention is relative."
    )
    norm: Literal["post", "pre"] = Field("post", description="Layer norm after each sublayer, as the paper, or before.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Of what each sublayer adds.")
    pooling: PoolingOptions = MaxOptions()

    @field_validator("attention")
    @classmethod
    def _heads_divide_the_width(cls, attention: Normalised, others: ValidationInfo) -> Normalised:
        if isinstance(attention, Headed):
            _check_heads(attention.heads, others)
        return attention

    @property
    def sinusoidal(self) -> bool:
        """Whether sinusoids are added: Shaw et al. (2018) add none to relative positions."""
        return self.positions == "sinusoidal" or (self.positions == "auto" and self.attention.kind != "relative")


class DecoderOptions(Normalised):
    """A Transformer's decoder (Vaswani et al., 2017), which reads what came before, and an encoded text."""

    width: int = Field(128, ge=1, description="D, which the heads divide.")
    layers: int = Field(2, ge=1, description="Layers, one upon the other.")
    heads: int = Field(4, ge=1, validate_default=True, description="Heads h, which divide the width.")
    attention: DecoderAttentionOptions | None = Field(
        None, description="To what came before; by default multi_head with as many heads and the same normaliser."
    )
    feed_forward: int = Field(256, ge=1, description="Hidden units of the layer after attention.")
    norm: Literal["post", "pre"] = Field("post", description="Layer norm after each sublayer, as the paper, or before.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Of what each sublayer adds.")

    @field_validator("heads")
    @classmethod
    def _heads_divide_the_width(cls, heads: int, others: ValidationInfo) -> int:
        _check_heads(heads, others)
        return heads

    @field_validator("attention")
    @classmethod
    def _its_heads_divide_the_width(cls, attention: Headed | None, others: ValidationInfo) -> Headed | None:
        if attention is not None:
            _check_heads(attention.heads, others)
        return attention

    @property
    def own(self) -> "DecoderAttentionOptions":
        """Attention to what came before."""
        return self.attention or MultiHeadOptions(heads=self.heads, normaliser=self.normaliser)

    @property
    def sinusoidal(self) -> bool:
        """Whether sinusoids are added: Shaw et al. (2018) add none to relative positions."""
        return self.own.kind != "relative"


class DisanEncoderOptions(Normalised):
    """The directional self-attention network (Shen et al., 2018)."""

    kind: Literal["disan"] = "disan"
    width: int = Field(300, ge=1, description="Units of each direction.")
    activation: Literal["elu", "relu", "tanh"] = Field("elu", description="ELU for SNLI, ReLU for SST and SICK.")
    dropout: float = Field(0.25, ge=0, lt=1, description="Of what each dense layer sees.")


class ResanEncoderOptions(DisanEncoderOptions):
    """The reinforced self-attention network (Shen et al., 2018): DiSAN among chosen tokens; for the agent `resan`."""

    kind: Literal["resan"] = "resan"  # type: ignore[assignment]  # a variant of its own, not one of DiSAN's
    unselected: Literal["mean", "mean_of_all", "left_out"] = Field(
        "mean",
        description="What tokens that may not read see: the mean of all others, of all, or they are left out.",
    )
    compact: Literal["auto", "always", "never"] = Field(
        "auto",
        description="When scores are made of chosen pairs alone, with the same numbers: auto, where it is faster.",
    )


class DistanceEncoderOptions(Normalised):
    """The distance-based self-attention network (Im and Cho, 2017)."""

    kind: Literal["distance"] = "distance"
    width: int = Field(300, ge=1, description="D, which the heads divide; word vectors of another width are mapped.")
    heads: int = Field(5, ge=1, validate_default=True, description="Heads h, which divide the width.")
    alpha: float = Field(1.5, ge=0, description="How much each step of distance takes from a score.")
    feed_forward: int = Field(1200, ge=1, description="Hidden units of the layer after the gate.")
    layer_norm: bool = Field(
        True, description="Layer norm of what attention and gate project, and after the feed-forward network."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Of what attention and the feed-forward network give.")

    @field_validator("heads")
    @classmethod
    def _heads_divide_the_width(cls, heads: int, others: ValidationInfo) -> int:
        _check_heads(heads, others)
        return heads


class LevelOptions(Options):
    """Words of a sentence, or sentences of a document."""

    kind: Literal["gru", "lstm", "cnn"] = Field("gru", description="What reads them one after the other.")
    width: int = Field(50, ge=1, description="Units of each direction; a CNN has twice as many filters.")
    pooling: Annotated[
        Annotated[
            MaxOptions | MeanOptions | ContextVectorOptions | Source2TokenOptions | LearnedQueryOptions,
            Field(discriminator="kind"),
        ],
        BeforeValidator(by_name),
    ] = Field(ContextVectorOptions(), validate_default=True, description="How they become one vector.")


class HierarchicalEncoderOptions(Options):
    """The hierarchical attention network (Yang et al., 2016): HN-ATT; with mean or max poolings HN-AVE, HN-MAX."""

    kind: Literal["hierarchical"] = "hierarchical"
    words: LevelOptions = LevelOptions()
    sentences: LevelOptions = LevelOptions()
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of the sentences' features that is left out.")


EncoderOptions = Annotated[
    Annotated[
        RecurrentEncoderOptions
        | CnnEncoderOptions
        | TransformerEncoderOptions
        | DisanEncoderOptions
        | DistanceEncoderOptions
        | HierarchicalEncoderOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]
