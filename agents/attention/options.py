"""The options of attention: normalisers, scores and mechanisms, each a line of a config.

This file knows pydantic and nothing of torch. Masks are their own options, in `masks.py`.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import PatternOptions, by_name
from glimpse.agents.options import Options


class SoftmaxOptions(Options):
    """Weights that are all positive."""

    kind: Literal["softmax"] = "softmax"


class SparsemaxOptions(Options):
    """The nearest point of the simplex (Martins and Astudillo, 2016)."""

    kind: Literal["sparsemax"] = "sparsemax"


class Entmax15Options(Options):
    """Entmax with alpha 1.5, exact (Peters, Niculae and Martins, 2019)."""

    kind: Literal["entmax15"] = "entmax15"


class EntmaxOptions(Options):
    """Entmax with any alpha, by bisection: 1 is softmax, 2 is sparsemax."""

    kind: Literal["entmax"] = "entmax"
    alpha: float = Field(1.5, ge=1, le=4, description="The larger, the sparser.")


class TopKOptions(Options):
    """Softmax over the k largest scores of a row."""

    kind: Literal["topk"] = "topk"
    k: int = Field(8, ge=1, description="Tokens that each token reads.")


NormaliserOptions = Annotated[
    Annotated[
        SoftmaxOptions | SparsemaxOptions | Entmax15Options | EntmaxOptions | TopKOptions, Field(discriminator="kind")
    ],
    BeforeValidator(by_name),
]


class Normalised(Options):
    """What ends in a normaliser."""

    normaliser: NormaliserOptions = SoftmaxOptions()


class AdditiveOptions(Normalised):
    """v^T tanh(W q + U k) (Bahdanau et al., 2015; Luong et al., 2015, call it concat)."""

    kind: Literal["additive", "concat"] = "additive"
    hidden: int | None = Field(None, ge=1, description="Units of the hidden layer; the width by default.")


class DotOptions(Normalised):
    """q^T k (Luong et al., 2015)."""

    kind: Literal["dot"] = "dot"


class ScaledDotOptions(Normalised):
    """q^T k / sqrt(D) (Vaswani et al., 2017)."""

    kind: Literal["scaled_dot"] = "scaled_dot"


class GeneralOptions(Normalised):
    """q^T W k (Luong et al., 2015)."""

    kind: Literal["general"] = "general"


class LinearConcatOptions(Normalised):
    """w^T [q; k], concat without its hidden layer."""

    kind: Literal["linear_concat"] = "linear_concat"


class LocationOptions(Normalised):
    """W q, a score for each place whatever is there (Luong et al., 2015)."""

    kind: Literal["location"] = "location"
    length: int = Field(512, ge=1, description="The largest number of keys.")


class LocalOptions(Normalised):
    """Attention in a window around a place, monotone or predicted (Luong et al., 2015)."""

    kind: Literal["local"] = "local"
    score: Literal["dot", "general", "concat", "scaled_dot"] = "general"
    centre: Literal["monotone", "predicted"] = Field("predicted", description="local-m or local-p.")
    half_width: int = Field(10, ge=0, description="D: the window is [p - D, p + D].")
    gaussian: bool = Field(True, description="local-p: multiply the weights with a Gaussian around the place.")


class Headed(Normalised):
    """What has heads."""

    heads: int = Field(4, ge=1, description="Heads h, which divide the width.")


class MultiHeadOptions(Headed):
    """Scaled dot products in several heads (Vaswani et al., 2017)."""

    kind: Literal["multi_head"] = "multi_head"


class SparseOptions(Headed):
    """Multi-head attention that computes little more than a pattern's cells (Child et al., 2019)."""

    kind: Literal["sparse"] = "sparse"
    pattern: PatternOptions = Field(description="What may be read, in the algebra of masks.")
    more: tuple[PatternOptions, ...] = Field((), description="Further patterns.")
    shared_by: Literal["layers", "heads"] = Field(
        "layers", description="Who shares several patterns out: layers take turns, or each layer's heads are divided."
    )

    @model_validator(mode="after")
    def _patterns_divide_the_heads(self) -> Self:
        patterns = 1 + len(self.more)
        if self.shared_by == "heads" and self.heads % patterns:
            message = f"patterns should divide the heads, which are {self.heads} (got {patterns})"
            raise PydanticCustomError("patterns", message)
        return self


class RelativeOptions(Headed):
    """Multi-head attention with relative positions (Shaw et al., 2018)."""

    kind: Literal["relative"] = "relative"
    clip: int = Field(16, ge=0, description="k: distances beyond it are alike.")


class DistanceOptions(Headed):
    """Multi-head attention less alpha times the distance, in one direction (Im and Cho, 2017)."""

    kind: Literal["distance"] = "distance"
    alpha: float = Field(1.5, ge=0, description="How much each step of distance takes from a score.")
    direction: Literal["forward", "backward", "diagonal_disabled", "full"] = "forward"


class Token2TokenOptions(Normalised):
    """A score for each pair of tokens and each feature, in one direction (DiSAN; Shen et al., 2018)."""

    kind: Literal["token2token"] = "token2token"
    direction: Literal["forward", "backward", "diagonal_disabled", "full"] = "forward"
    bound: float = Field(5.0, gt=0, description="c: scores lie in (-c, c).")


class Source2TokenOptions(Normalised):
    """Pooling to one vector, with weights for each feature (DiSAN; Shen et al., 2018)."""

    kind: Literal["source2token"] = "source2token"
    activation: Literal["elu", "relu", "tanh"] = "elu"


class StructuredOptions(Normalised):
    """Pooling to r vectors (Lin et al., 2017)."""

    kind: Literal["structured"] = "structured"
    hidden: int = Field(350, ge=1, description="d_a: units of the hidden layer.")
    hops: int = Field(30, ge=1, description="r: vectors that come out.")


class ContextVectorOptions(Normalised):
    """Pooling to one vector by a learned question (hierarchical attention; Yang et al., 2016)."""

    kind: Literal["context_vector"] = "context_vector"
    hidden: int | None = Field(None, ge=1, description="Units of the hidden layer; the width by default.")


ScoreOptions = Annotated[
    Annotated[
        AdditiveOptions
        | DotOptions
        | ScaledDotOptions
        | GeneralOptions
        | LinearConcatOptions
        | LocationOptions
        | LocalOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]
"""Attention of queries that are given, by a score of pairs."""
SelfAttentionOptions = Annotated[
    Annotated[
        AdditiveOptions
        | DotOptions
        | ScaledDotOptions
        | GeneralOptions
        | LinearConcatOptions
        | LocationOptions
        | LocalOptions
        | MultiHeadOptions
        | SparseOptions
        | RelativeOptions
        | DistanceOptions
        | Token2TokenOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]
"""Attention between the tokens of a text: as many come out as went in."""
AttentionOptions = Annotated[
    Annotated[
        AdditiveOptions
        | DotOptions
        | ScaledDotOptions
        | GeneralOptions
        | LinearConcatOptions
        | LocationOptions
        | LocalOptions
        | MultiHeadOptions
        | SparseOptions
        | RelativeOptions
        | DistanceOptions
        | Token2TokenOptions
        | Source2TokenOptions
        | StructuredOptions
        | ContextVectorOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]
