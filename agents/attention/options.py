"""Options of attention: normalisers, scores and mechanisms, each a section of a config.

This module needs pydantic but not torch. Masks have options of their own, in `masks.py`; unions of mechanisms
are in `unions.py`.
"""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import PatternOptions, by_name
from glimpse.agents.options import Options


class SoftmaxOptions(Options):
    """Softmax, whose weights are all positive."""

    kind: Literal["softmax"] = "softmax"


class SparsemaxOptions(Options):
    """Sparsemax, the nearest point of the simplex (Martins and Astudillo, 2016)."""

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
    k: int = Field(8, ge=1, le=1_000_000, description="Tokens that each token reads.")


NormaliserOptions = Annotated[
    Annotated[
        SoftmaxOptions | SparsemaxOptions | Entmax15Options | EntmaxOptions | TopKOptions, Field(discriminator="kind")
    ],
    BeforeValidator(by_name),
]


class Normalised(Options):
    """Options with a normaliser, which turns scores into weights."""

    normaliser: NormaliserOptions = Field(SoftmaxOptions(), description="What turns scores into weights.")


class MechanismOptions(Normalised):
    """Options of an attention mechanism. Each class has a field `kind`, a `Literal` of the names of its kinds."""

    if TYPE_CHECKING:
        kind: str


class AdditiveOptions(MechanismOptions):
    """Additive score v^T tanh(W q + U k) (Bahdanau et al., 2015; Luong et al., 2015, call it concat)."""

    kind: Literal["additive", "concat"] = "additive"
    hidden: int | None = Field(None, ge=1, le=65_536, description="Units of the hidden layer; the width by default.")


class DotOptions(MechanismOptions):
    """Dot score q^T k (Luong et al., 2015)."""

    kind: Literal["dot"] = "dot"


class ScaledDotOptions(MechanismOptions):
    """Scaled dot score q^T k / sqrt(D) (Vaswani et al., 2017)."""

    kind: Literal["scaled_dot"] = "scaled_dot"


class GeneralOptions(MechanismOptions):
    """General score q^T W k (Luong et al., 2015)."""

    kind: Literal["general"] = "general"


class LinearConcatOptions(MechanismOptions):
    """Linear score w^T [q; k], which is concat without its hidden layer."""

    kind: Literal["linear_concat"] = "linear_concat"


class LocationOptions(MechanismOptions):
    """Location score W q, for each position whatever its key (Luong et al., 2015)."""

    kind: Literal["location"] = "location"
    length: int = Field(512, ge=1, le=65_536, description="The largest number of keys.")


class LocalOptions(MechanismOptions):
    """Attention in a window around a position, monotone or predicted (Luong et al., 2015)."""

    kind: Literal["local"] = "local"
    score: Literal["dot", "general", "concat", "scaled_dot"] = Field(
        "general", description="Score of a query and a key in the window."
    )
    centre: Literal["monotone", "predicted"] = Field("predicted", description="local-m or local-p.")
    half_width: int = Field(10, ge=0, le=1_000_000, description="D: the window is [p - D, p + D].")
    gaussian: bool = Field(True, description="local-p: multiply the weights with a Gaussian around the position.")


class Headed(MechanismOptions):
    """Options of a mechanism with heads."""

    heads: int = Field(4, ge=1, le=1024, description="Heads h, which divide the width.")


class MultiHeadOptions(Headed):
    """Scaled dot products in several heads (Vaswani et al., 2017)."""

    kind: Literal["multi_head"] = "multi_head"


class SparseOptions(Headed):
    """Sparse multi-head attention, which computes little more than a pattern's cells (Child et al., 2019)."""

    kind: Literal["sparse"] = "sparse"
    pattern: PatternOptions = Field(description="What may be read, in the algebra of masks.")
    more: tuple[PatternOptions, ...] = Field(
        (), max_length=64, description="More patterns, shared out over heads or layers."
    )
    shared_by: Literal["layers", "heads"] = Field(
        "layers",
        description="Who shares several patterns: layers take turns, or each layer's heads are divided among them.",
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
    clip: int = Field(16, ge=0, le=65_536, description="k: larger distances count as k.")


class DistanceOptions(Headed):
    """Multi-head attention whose scores are lower by alpha times the distance, in one direction (Im and Cho, 2017)."""

    kind: Literal["distance"] = "distance"
    alpha: float = Field(1.5, ge=0, le=1000, description="What is subtracted from a score for each token of distance.")
    direction: Literal["forward", "backward", "diagonal_disabled", "full"] = Field(
        "forward", description="What a token reads: tokens before it, behind it, all but itself, or all."
    )


class Token2TokenOptions(MechanismOptions):
    """A score for each pair of tokens and each feature, in one direction (DiSAN; Shen et al., 2018)."""

    kind: Literal["token2token"] = "token2token"
    direction: Literal["forward", "backward", "diagonal_disabled", "full"] = Field(
        "forward", description="What a token reads: tokens before it, behind it, all but itself, or all."
    )
    bound: float = Field(5.0, gt=0, le=1000, description="c: scores lie in (-c, c).")


class Source2TokenOptions(MechanismOptions):
    """Pooling to one vector, with weights for each feature (DiSAN; Shen et al., 2018)."""

    kind: Literal["source2token"] = "source2token"
    activation: Literal["elu", "relu", "tanh"] = Field("elu", description="Activation between its two layers.")


class HopsOptions(MechanismOptions):
    """Base class of the options of poolings to several vectors, of mechanisms with the role `hops`."""

    hops: int = Field(30, ge=1, le=1024, description="r: number of vectors.")
    penalty: float = Field(0.0, ge=0, le=1e6, description="Weight of the penalty ||A A^T - I||^2, added to the loss.")
    penalty_reduction: Literal["sum", "mean"] = Field(
        "sum", description="Over its r x r entries: the paper's sum, or the mean of the author's code."
    )


class StructuredOptions(HopsOptions):
    """Pooling to r vectors (Lin et al., 2017)."""

    kind: Literal["structured"] = "structured"
    hidden: int = Field(350, ge=1, le=65_536, description="d_a: units of the hidden layer.")


class ContextVectorOptions(MechanismOptions):
    """Pooling to one vector by a learned query (hierarchical attention; Yang et al., 2016)."""

    kind: Literal["context_vector"] = "context_vector"
    hidden: int | None = Field(None, ge=1, le=65_536, description="Units of the hidden layer; the width by default.")
