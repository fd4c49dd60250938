"""Options of encoders of text; this module needs pydantic but not torch."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import Full, PatternOptions, by_name
from glimpse.agents.attention.options import (
    AdditiveOptions,
    ContextVectorOptions,
    Headed,
    MechanismOptions,
    MultiHeadOptions,
    Normalised,
)
from glimpse.agents.attention.unions import (
    DecoderAttentionOptions,
    ScoreOptions,
    SelfAttentionOptions,
    options_of_roles,
    union_by_kind,
)
from glimpse.agents.options import Options
from glimpse.agents.recurrent_core_names import LevelName, SequenceName


class MaxOptions(Options):
    """Pooling by the largest value of each feature."""

    kind: Literal["max"] = "max"


class MeanOptions(Options):
    """Pooling by the mean of all tokens."""

    kind: Literal["mean"] = "mean"


class LastOptions(Options):
    """Pooling by the last states of both directions, for recurrent encoders."""

    kind: Literal["last"] = "last"


class ScorePoolingOptions(Options):
    """Pooling by the score of one query and each token (Bahdanau et al., 2015; Luong et al., 2015)."""

    kind: Literal["attention"] = "attention"
    score: ScoreOptions = Field(AdditiveOptions(), description="Score of the query and a token.")


class LearnedQueryOptions(ScorePoolingOptions):
    """Pooling by a learned query, which is equal for all texts."""

    query: Literal["learned"] = Field("learned", description="The query: a learned vector.")


class StateQueryOptions(ScorePoolingOptions):
    """Pooling by a query that is the text's last states, or learned."""

    query: Literal["last", "learned"] = Field("last", description="The query: the last states, or a learned vector.")


if TYPE_CHECKING:
    OneVectorPoolingOptions = MaxOptions | MeanOptions | MechanismOptions | LearnedQueryOptions
    PoolingOptions = OneVectorPoolingOptions
    StatePoolingOptions = MaxOptions | MeanOptions | LastOptions | MechanismOptions | StateQueryOptions
else:
    _MECHANISMS = options_of_roles("pooling")
    _ALL_MECHANISMS = options_of_roles("pooling", "hops")
    OneVectorPoolingOptions = union_by_kind(MaxOptions, MeanOptions, *_MECHANISMS, LearnedQueryOptions)
    """Poolings of tokens to a vector as wide as a token's."""
    PoolingOptions = union_by_kind(MaxOptions, MeanOptions, *_ALL_MECHANISMS, LearnedQueryOptions)
    """Poolings of tokens to one vector, or to several end to end."""
    StatePoolingOptions = union_by_kind(MaxOptions, MeanOptions, LastOptions, *_ALL_MECHANISMS, StateQueryOptions)
    """Poolings of the states of a recurrent encoder, of which the last ones may be the query."""


def _check_heads(heads: int, others: ValidationInfo) -> None:
    width = others.data.get("width")
    if width is not None and width % heads:
        raise PydanticCustomError("heads", f"heads should divide the width, which is {width} (got {heads})")


class RecurrentEncoderOptions(Options):
    """A bidirectional LSTM or GRU, and a pooling."""

    kind: SequenceName = "lstm"
    width: int = Field(150, ge=1, le=65_536, description="Units of each direction.")
    layers: int = Field(1, ge=1, le=256, description="Number of layers.")
    pooling: StatePoolingOptions = Field(MaxOptions(), description="How the states become one vector.")


class CnnEncoderOptions(Options):
    """Convolutions of several widths over the tokens, ReLU, and their maxima (Kim, 2014)."""

    kind: Literal["cnn"] = "cnn"
    filters: int = Field(100, ge=1, le=65_536, description="Filters of each width.")
    widths: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        (3, 4, 5), min_length=1, max_length=64, description="Tokens that a filter spans."
    )


class TransformerEncoderOptions(Options):
    """A Transformer's encoder (Vaswani et al., 2017), and a pooling."""

    kind: Literal["transformer"] = "transformer"
    width: int = Field(
        128, ge=1, le=65_536, description="D, which the heads divide; word vectors of another width are mapped."
    )
    layers: int = Field(2, ge=1, le=256, description="Number of layers.")
    feed_forward: int = Field(256, ge=1, le=65_536, description="Hidden units of the layer after attention.")
    attention: SelfAttentionOptions = Field(MultiHeadOptions(), validate_default=True, description="Self-attention.")
    mask: PatternOptions = Field(Full(), description="What a token may read, among real tokens.")
    positions: Literal["auto", "sinusoidal", "none"] = Field(
        "auto", description="What is added to tell positions apart: sinusoids, but none where attention is relative."
    )
    norm: Literal["post", "pre"] = Field("post", description="Layer norm after each sublayer, as the paper, or before.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout of the output of each sublayer.")
    pooling: PoolingOptions = Field(MaxOptions(), description="How the tokens become one vector.")

    @field_validator("attention")
    @classmethod
    def _heads_divide_the_width(cls, attention: MechanismOptions, others: ValidationInfo) -> MechanismOptions:
        if isinstance(attention, Headed):
            _check_heads(attention.heads, others)
        return attention

    @property
    def sinusoidal(self) -> bool:
        """Return whether sinusoids are added: Shaw et al. (2018) add none to relative positions."""
        return self.positions == "sinusoidal" or (self.positions == "auto" and self.attention.kind != "relative")


class DecoderOptions(Normalised):
    """A Transformer's decoder (Vaswani et al., 2017), which attends to its earlier tokens and to an encoded text."""

    width: int = Field(128, ge=1, le=65_536, description="D, which the heads divide.")
    layers: int = Field(2, ge=1, le=256, description="Number of layers.")
    heads: int = Field(4, ge=1, le=1024, validate_default=True, description="Heads h, which divide the width.")
    attention: DecoderAttentionOptions | None = Field(
        None,
        description="Attention to earlier tokens; by default multi_head with the same heads and normaliser.",
    )
    feed_forward: int = Field(256, ge=1, le=65_536, description="Hidden units of the layer after attention.")
    norm: Literal["post", "pre"] = Field("post", description="Layer norm after each sublayer, as the paper, or before.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout of the output of each sublayer.")

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
        """Return the options of self-attention to earlier tokens."""
        return self.attention or MultiHeadOptions(heads=self.heads, normaliser=self.normaliser)

    @property
    def sinusoidal(self) -> bool:
        """Return whether sinusoids are added: Shaw et al. (2018) add none to relative positions."""
        return self.own.kind != "relative"


class DisanEncoderOptions(Normalised):
    """The directional self-attention network (Shen et al., 2018)."""

    kind: Literal["disan"] = "disan"
    width: int = Field(300, ge=1, le=65_536, description="Units of each direction.")
    activation: Literal["elu", "relu", "tanh"] = Field("elu", description="ELU for SNLI, ReLU for SST and SICK.")
    dropout: float = Field(0.25, ge=0, lt=1, description="Dropout of the input of each dense layer.")


class ResanEncoderOptions(DisanEncoderOptions):
    """The reinforced self-attention network (Shen et al., 2018): DiSAN among selected tokens; for the agent `resan`."""

    kind: Literal["resan"] = "resan"  # type: ignore[assignment]  # a variant of its own, not one of DiSAN's
    unselected: Literal["mean", "mean_of_all", "left_out"] = Field(
        "mean",
        description="Context of tokens that may not read: the mean of all others, or of all; or they are left out.",
    )
    compact: Literal["auto", "always", "never"] = Field(
        "auto",
        description="When scores are computed for selected pairs alone, with equal results; auto: if faster.",
    )


class DistanceEncoderOptions(Normalised):
    """The distance-based self-attention network (Im and Cho, 2017)."""

    kind: Literal["distance"] = "distance"
    width: int = Field(
        300, ge=1, le=65_536, description="D, which the heads divide; word vectors of another width are mapped."
    )
    heads: int = Field(5, ge=1, le=1024, validate_default=True, description="Heads h, which divide the width.")
    alpha: float = Field(1.5, ge=0, le=1000, description="What is subtracted from a score for each token of distance.")
    feed_forward: int = Field(
        1200, ge=1, le=65_536, description="Hidden units of the feed-forward network after the gate."
    )
    layer_norm: bool = Field(
        True, description="Layer norm of the projections of attention and gate, and after the feed-forward network."
    )
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout of the outputs of attention and the feed-forward network."
    )

    @field_validator("heads")
    @classmethod
    def _heads_divide_the_width(cls, heads: int, others: ValidationInfo) -> int:
        _check_heads(heads, others)
        return heads


class LevelOptions(Options):
    """Level of a hierarchical encoder: words of a sentence, or sentences of a document."""

    kind: LevelName = Field("gru", description="Encoder of the sequence.")
    width: int = Field(50, ge=1, le=65_536, description="Units of each direction; a CNN has twice as many filters.")
    pooling: OneVectorPoolingOptions = Field(
        ContextVectorOptions(), validate_default=True, description="How the states become one vector."
    )


class HierarchicalEncoderOptions(Options):
    """The hierarchical attention network (Yang et al., 2016): HN-ATT; with mean or max poolings HN-AVE, HN-MAX."""

    kind: Literal["hierarchical"] = "hierarchical"
    words: LevelOptions = LevelOptions()
    sentences: LevelOptions = LevelOptions()
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of the sentences' vectors.")


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
