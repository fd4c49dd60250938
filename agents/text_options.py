"""The options of agents that read whole texts; pydantic only, as `options.py`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import by_name
from glimpse.agents.encoders.options import EncoderOptions, HopsOptions, RecurrentEncoderOptions, ResanEncoderOptions
from glimpse.agents.options import Options
from glimpse.agents.selection.options import (
    BaselineOptions,
    EstimatorOptions,
    ExactOptions,
    HardKumaOptions,
    ScoreFunctionOptions,
    SelectorOptions,
)


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
    highway: bool = Field(False, description="Whether a highway layer follows the hidden one.")
    activation: Literal["relu", "elu", "tanh", "sigmoid"] = Field("relu", description="Of the hidden layers.")
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

    @field_validator("head_norm", "highway")
    @classmethod
    def _has_a_hidden_layer(cls, given: bool, others: ValidationInfo) -> bool:
        if given and others.data.get("hidden") == 0:
            raise PydanticCustomError("hidden", "needs a hidden layer: set agent.hidden (got 0)")
        return given

    @property
    def hops(self) -> int:
        """How many vectors, end to end, the encoder makes of a text."""
        pooling = _pooling(self.encoder)
        return pooling.hops if isinstance(pooling, HopsOptions) else 1


def _pooling(encoder: Options) -> Options | None:
    """How an encoder pools, if there is a choice."""
    pooling: Options | None = getattr(encoder, "pooling", None)
    return pooling


class TopReaderOptions(ReaderOptions):
    """A reader that answers from the words alone which weigh most with its soft attention."""

    name: Literal["top-reader"] = "top-reader"  # type: ignore[assignment]  # a variant of its own
    share: float = Field(0.3, gt=0, le=1, description="Share of a text's words that it answers from, at least one.")


class SamplingOptions(BaselineOptions):
    """How tokens are chosen, one coin for each (Shen et al., 2018, "ReSAN", section 3)."""

    hidden: int = Field(300, ge=1, description="Units of a sampler's hidden layer.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Of what a sampler's layers see.")
    cost: float = Field(0.01, ge=0, description="Lambda: what it costs to keep everything, beside log p of the label.")
    sparsity: Literal["product", "mean", "sum"] = Field(
        "product", description="Of the shares of heads and dependents: product, the share of pairs; their mean or sum."
    )
    rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of heads, and of dependents, that costs nothing, where the cost is of the mean distance "
        "from it and not of sparsity.",
    )
    soft_until: float = Field(
        0.24,
        ge=0,
        le=1,
        description="Share of training in which everything is chosen, and samplers are not trained.",
    )
    hard_until: float = Field(
        0.26, ge=0, le=1, validate_default=True, description="Share of training up to which the samplers alone are."
    )
    turns: float = Field(
        0.0,
        ge=0,
        le=1,
        description="0: then both are trained at once; else they take turns, each as long as this share of training.",
    )

    @field_validator("hard_until")
    @classmethod
    def _stages_follow_each_other(cls, hard_until: float, others: ValidationInfo) -> float:
        soft_until = others.data.get("soft_until", 0.0)
        if hard_until < soft_until:
            raise PydanticCustomError("hard_until", f"should be soft_until, {soft_until}, or more (got {hard_until})")
        return hard_until


class ResanOptions(ReaderOptions):
    """Reinforced self-attention: a reader that chooses which tokens read and which are read (Shen et al., 2018)."""

    name: Literal["resan"] = "resan"  # type: ignore[assignment]  # a variant of its own
    encoder: Annotated[ResanEncoderOptions, BeforeValidator(by_name)] = Field(
        ResanEncoderOptions(), description="From tokens to a vector."
    )
    sampler: SamplingOptions = Field(SamplingOptions(), description="How tokens are chosen.")


class RationaleOptions(ReaderOptions):
    """A selector and a reader of what it kept (Lei et al., 2016)."""

    name: Literal["rationale"] = "rationale"  # type: ignore[assignment]  # a variant of its own
    selector: SelectorOptions = Field(SelectorOptions(), description="Says how likely each word is kept.")
    selector_rate: float = Field(1.0, gt=0, description="Multiple of the learning rate, for the selector.")
    estimator: EstimatorOptions = Field(ScoreFunctionOptions(), description="How the selector learns; `kind` names it.")
    cost: float = Field(0.5, ge=0, description="What it costs to keep all words, beside the error.")
    rate: float | None = Field(
        None, gt=0, lt=1, description="Share of words that costs nothing, where the cost is of the distance from it."
    )
    contiguity: float = Field(0.0, ge=0, description="What it costs where words and their next differ throughout.")
    left_out: Literal["removed", "zeros"] = Field(
        "removed",
        validate_default=True,
        description="What the reader sees of other words: nothing, or a vector of zeros in their place.",
    )
    random_until: float = Field(
        0.0, ge=0, lt=1, description="Share of training in which the reader alone learns, from words kept at random."
    )
    held: bool = Field(
        False, description="Whether it is then left as it is: that nothing was kept may not become a class's code."
    )
    remedy: Literal["none", "complement", "teacher"] = Field(
        "none",
        description="Against a selector and a reader that agree on a code of their own: the selector is rewarded for "
        "what a second reader cannot tell from the words left out (Yu et al., 2019); or it learns beside soft "
        "attention over all words, with which the reader must agree (Yu et al., 2021).",
    )
    remedy_weight: float = Field(1.0, ge=0, description="Weight of the remedy.")

    @field_validator("encoder")
    @classmethod
    def _reads_texts(cls, encoder: Options) -> Options:
        if getattr(encoder, "kind", None) == "hierarchical":
            raise PydanticCustomError("encoder", "should be one that reads words, not sentences (got 'hierarchical')")
        return encoder

    @field_validator("estimator")
    @classmethod
    def _every_choice_is_of_single_words(cls, estimator: EstimatorOptions, others: ValidationInfo) -> EstimatorOptions:
        shared = getattr(others.data.get("selector"), "words_per_coin", 1)
        if isinstance(estimator, ExactOptions) and shared > 1:
            problem = f"exact makes choices of single words: set agent.selector.words_per_coin to 1 (got {shared})"
            raise PydanticCustomError("estimator", problem)
        return estimator

    @field_validator("rate")
    @classmethod
    def _one_rate(cls, rate: float | None, others: ValidationInfo) -> float | None:
        if rate is not None and isinstance(others.data.get("estimator"), HardKumaOptions):
            raise PydanticCustomError("rate", f"hardkuma has its own: set agent.estimator.rate (got {rate})")
        return rate

    @field_validator("left_out")
    @classmethod
    def _gradients_need_a_place(cls, left_out: str, others: ValidationInfo) -> str:
        kind = getattr(others.data.get("estimator"), "kind", None)
        if left_out == "removed" and kind in ("straight_through", "hardkuma"):
            raise PydanticCustomError(
                "left_out", f"should be 'zeros' because agent.estimator is {kind}: gradients need a place"
            )
        return left_out


class WordChooserOptions(Options):
    """Chooses heads and dependents, and nothing else, for a world that says what a choice is worth."""

    name: Literal["word-chooser"] = "word-chooser"
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="What is subtracted from the return. The last two need train.copies of 2 or more."
    )
    hidden: int = Field(100, ge=1, description="Units of a sampler's hidden layer.")
    embedding_width: int = Field(50, ge=1, description="Width of word vectors where the task gives none.")
