"""Options of agents that read texts; pydantic only, as `glimpse.agents.options`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import by_name
from glimpse.agents.attention.options import HopsOptions, Token2TokenOptions
from glimpse.agents.encoders.options import (
    EncoderOptions,
    LevelOptions,
    MaxOptions,
    RecurrentEncoderOptions,
    ResanEncoderOptions,
    TransformerEncoderOptions,
)
from glimpse.agents.options import (
    AgentOptions,
    Options,
    ReinforceOptions,
    check_copies,
    check_label_smoothing,
    option_error,
)
from glimpse.agents.recurrent_core_names import StepCoreName
from glimpse.agents.selection.options import (
    BaselineOptions,
    EstimatorOptions,
    ExactOptions,
    HardKumaOptions,
    ScoreFunctionOptions,
    SelectorOptions,
)


class ReaderOptions(AgentOptions):
    """Options of an agent that reads a whole text at once, or two, and answers."""

    name: Literal["reader"] = "reader"
    encoder: EncoderOptions = Field(
        RecurrentEncoderOptions(), description="The encoder, from tokens to a vector; `kind` names it."
    )
    embedding_width: int = Field(50, ge=1, le=65_536, description="Width of word vectors where the task gives none.")
    embedding: Literal["trained", "frozen"] = Field(
        "trained",
        description="Whether pre-trained word vectors are trained on; words without one always are.",
    )
    embedding_lr_scale: float = Field(1.0, gt=0, le=1e6, description="Multiple of the learning rate, for word vectors.")
    word_dropout: float = Field(0.0, ge=0, lt=1, description="Probability of zeroing the whole vector of a word.")
    pair: Literal["difference", "absolute", "symmetric", "gated", "aligned"] = Field(
        "absolute",
        description="Features of two texts u and v. difference: u, v, u - v and u * v (Shen et al., 2018); absolute: "
        "with |u - v| instead (Conneau et al., 2017); symmetric: u * v and |u - v|, which do not depend on their order "
        "(Tai et al., 2015); gated: the product, hop by hop, of linear maps of u and v, for structured pooling (Lin et "
        "al., 2017); aligned: states of a recurrent encoder, each beside what it attends to in the other text (Chen et "
        "al., 2017, ESIM).",
    )
    relatedness: Literal["squared", "divergence"] = Field(
        "squared",
        description="Loss of a score: half its squared error, or the KL divergence from its target on two levels.",
    )
    hidden: int = Field(0, ge=0, le=65_536, description="Units of the hidden layer before the answer; 0 for none.")
    head_norm: bool = Field(False, description="Whether the hidden layer has a layer norm before its activation.")
    highway: bool = Field(False, description="Whether a highway layer follows the hidden one.")
    activation: Literal["relu", "elu", "tanh", "sigmoid"] = Field(
        "relu", description="Activation of the hidden layers."
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout of word vectors and of encoded features.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")
    penalty: float = Field(1.0, ge=0, le=1e6, description="Weight of the encoder's own penalty, if it has one.")

    @field_validator("pair")
    @classmethod
    def _gates_are_for_hops(cls, pair: str, others: ValidationInfo) -> str:
        encoder = others.data.get("encoder")
        if pair == "gated" and encoder is not None and not isinstance(_pooling(encoder), HopsOptions):
            found = getattr(_pooling(encoder), "kind", f"{encoder.kind}, which has no such pooling")
            raise PydanticCustomError("pair", f"'gated' needs agent.encoder.pooling: structured (got {found})")
        if pair == "aligned" and encoder is not None and not isinstance(encoder, RecurrentEncoderOptions):
            raise PydanticCustomError("pair", f"'aligned' needs a recurrent agent.encoder: lstm (got {encoder.kind})")
        if pair == "aligned" and encoder is not None and not isinstance(_pooling(encoder), MaxOptions):
            found = getattr(_pooling(encoder), "kind", "")
            raise PydanticCustomError(
                "pair", f"'aligned' reads the words, not their pooling: leave agent.encoder.pooling out (got {found})"
            )
        return pair

    @field_validator("head_norm", "highway")
    @classmethod
    def _has_a_hidden_layer(cls, given: bool, others: ValidationInfo) -> bool:
        if given and others.data.get("hidden") == 0:
            raise PydanticCustomError("hidden", "needs a hidden layer: set agent.hidden (got 0)")
        return given

    @property
    def title(self) -> str:
        """The agent's name, followed by its encoder's kind where that differs."""
        kind: str = self.encoder.kind
        return self.name if kind == self.name else f"{self.name} ({self.encoder.kind})"

    def check_task(self, task: Any) -> None:
        """Check that documents of sentences have a hierarchical encoder, and other texts another one."""
        super().check_task(task)
        check_label_smoothing(self.label_smoothing, task)
        hierarchical = self.encoder.kind == "hierarchical"
        if hierarchical != task.sentences:
            needed, found = ("true", "false") if hierarchical else ("false", "true")
            raise option_error("encoder", f"{self.encoder.kind!r} needs task.sentences: {needed} (got {found})")

    @property
    def hops(self) -> int:
        """Number of vectors that the encoder concatenates to encode a text."""
        pooling = _pooling(self.encoder)
        return pooling.hops if isinstance(pooling, HopsOptions) else 1

    @property
    def pooling_kind(self) -> str | None:
        """Name of the encoder's pooling; None where its kind has no such option."""
        kind: str | None = getattr(_pooling(self.encoder), "kind", None)
        return kind

    @property
    def pairs_have_features(self) -> bool:
        """Whether the encoder's attention weighs each pair of tokens once for each feature."""
        encoder = self.encoder
        return isinstance(encoder, TransformerEncoderOptions) and isinstance(encoder.attention, Token2TokenOptions)


def _pooling(encoder: Options) -> Options | None:
    """Return an encoder's pooling, None where it has no such option."""
    pooling: Options | None = getattr(encoder, "pooling", None)
    return pooling


class TopKReaderOptions(ReaderOptions):
    """Options of a reader that answers from the words of its largest attention weights alone."""

    name: Literal["top-k-reader"] = "top-k-reader"  # type: ignore[assignment]  # a variant of its own
    keep_rate: float = Field(0.3, gt=0, le=1, description="Share of a text's words that it keeps, at least one.")


class SamplingOptions(BaselineOptions):
    """Options of the samplers that select tokens independently (Shen et al., 2018, "ReSAN", section 3)."""

    hidden: int = Field(300, ge=1, le=65_536, description="Units of a sampler's hidden layer.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout of the inputs of a sampler's layers.")
    cost: float = Field(
        0.01,
        ge=0,
        le=1e6,
        description="Lambda, the cost of keeping all tokens; the reward is log p(label) less the cost.",
    )
    sparsity: Literal["product", "mean", "sum"] = Field(
        "product",
        description="Keep rate that costs: product, the share of pairs; or mean or sum, of heads and dependents.",
    )
    target_keep_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Target keep rate of heads and of dependents; if set, the cost is on their mean distance from it "
        "instead of on sparsity.",
    )
    soft_until: float = Field(
        0.24,
        ge=0,
        le=1,
        description="Share of training in which all tokens are selected and the samplers are not trained.",
    )
    hard_until: float = Field(
        0.26,
        ge=0,
        le=1,
        validate_default=True,
        description="Share of training up to which only the samplers are trained.",
    )
    turns: float = Field(
        0.0,
        ge=0,
        le=1,
        description="After that: 0, both are trained at once; else alternately, each for this share of training.",
    )

    @field_validator("hard_until")
    @classmethod
    def _stages_follow_each_other(cls, hard_until: float, others: ValidationInfo) -> float:
        soft_until = others.data.get("soft_until", 0.0)
        if hard_until < soft_until:
            raise PydanticCustomError("hard_until", f"should be soft_until, {soft_until}, or more (got {hard_until})")
        return hard_until


class ResanOptions(ReaderOptions):
    """Options of a reader with reinforced self-attention between sampled heads and dependents (Shen et al., 2018)."""

    name: Literal["resan"] = "resan"  # type: ignore[assignment]  # a variant of its own
    encoder: Annotated[ResanEncoderOptions, BeforeValidator(by_name)] = Field(
        ResanEncoderOptions(), description="The encoder, from tokens to a vector."
    )
    sampler: SamplingOptions = Field(SamplingOptions(), description="The samplers that select tokens.")


class RationaleOptions(ReaderOptions):
    """Options of a selector and a reader of what it keeps (Lei et al., 2016)."""

    name: Literal["rationale"] = "rationale"  # type: ignore[assignment]  # a variant of its own
    selector: SelectorOptions = Field(SelectorOptions(), description="The network that selects words.")
    selector_lr_scale: float = Field(1.0, gt=0, le=1e6, description="Multiple of the learning rate, for the selector.")
    estimator: EstimatorOptions = Field(
        ScoreFunctionOptions(), description="Gradient estimator of the selector; `kind` names it."
    )
    cost: float = Field(0.5, ge=0, le=1e6, description="Cost of keeping all words, added to the error.")
    target_keep_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Target keep rate of each text; if set, the cost is on the distance from it.",
    )
    contiguity: float = Field(
        0.0, ge=0, le=1e6, description="Cost of a selection in which every word differs from the next in being kept."
    )
    left_out: Literal["removed", "zeros"] = Field(
        "removed",
        validate_default=True,
        description="Words that are not kept are removed from the text, or read as vectors of zeros.",
    )
    random_until: float = Field(
        0.0, ge=0, lt=1, description="Share of training in which only the reader learns, from randomly kept words."
    )
    held: bool = Field(
        False,
        description="Whether the reader is frozen after that, so that keeping nothing cannot become a class code.",
    )
    remedy: Literal["none", "complement", "teacher"] = Field(
        "none",
        description="Remedy against a degenerate code between selector and reader. complement: the selector is "
        "rewarded where a second reader fails on the words left out (Yu et al., 2019); teacher: a second reader of all "
        "words by their keep probability, with which the reader must agree, trains the selector too (Yu et al., 2021).",
    )
    remedy_weight: float = Field(1.0, ge=0, le=1e6, description="Weight of the remedy.")

    @field_validator("encoder")
    @classmethod
    def _reads_texts(cls, encoder: Options) -> Options:
        if getattr(encoder, "kind", None) == "hierarchical":
            raise PydanticCustomError("encoder", "should be one that reads words, not sentences (got 'hierarchical')")
        return encoder

    @field_validator("estimator")
    @classmethod
    def _exact_selects_single_words(cls, estimator: EstimatorOptions, others: ValidationInfo) -> EstimatorOptions:
        shared = getattr(others.data.get("selector"), "words_per_coin", 1)
        if isinstance(estimator, ExactOptions) and shared > 1:
            problem = (
                f"exact enumerates selections of single words: set agent.selector.words_per_coin to 1 (got {shared})"
            )
            raise PydanticCustomError("estimator", problem)
        return estimator

    @field_validator("target_keep_rate")
    @classmethod
    def _one_target_keep_rate(cls, rate: float | None, others: ValidationInfo) -> float | None:
        estimator = others.data.get("estimator")
        if rate is not None and isinstance(estimator, HardKumaOptions):
            raise PydanticCustomError(
                "target_keep_rate", f"hardkuma has its own: set agent.estimator.target_keep_rate (got {rate})"
            )
        if rate is not None and getattr(estimator, "mean_keep_rate", None) is not None:
            raise PydanticCustomError(
                "target_keep_rate", f"agent.estimator.mean_keep_rate is given, too: give one of them (got {rate})"
            )
        return rate

    @field_validator("left_out")
    @classmethod
    def _relaxed_masks_need_zeros(cls, left_out: str, others: ValidationInfo) -> str:
        kind = getattr(others.data.get("estimator"), "kind", None)
        if left_out == "removed" and kind in ("straight_through", "hardkuma"):
            raise PydanticCustomError(
                "left_out", f"should be 'zeros' because agent.estimator is {kind}: a removed word has no gradient"
            )
        return left_out


class TokenSelectorOptions(AgentOptions):
    """Options of an agent that only selects heads and dependents, which the environment rewards."""

    name: Literal["token-selector"] = "token-selector"
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="What is subtracted from the return. The last two need train.copies of 2 or more."
    )
    hidden: int = Field(100, ge=1, le=65_536, description="Units of a sampler's hidden layer.")
    embedding_width: int = Field(50, ge=1, le=65_536, description="Width of word vectors where the task gives none.")

    def check_training(self, train: Any) -> None:
        """Check that a baseline that compares several rollouts has them."""
        super().check_training(train)
        check_copies(self.baseline, train)


class SkimmerOptions(ReinforceOptions):
    """Options of an agent that reads a window, jumps, stops and answers (Yu et al., 2017, "LSTM-Jump")."""

    name: Literal["skimmer"] = "skimmer"
    recurrent_core: StepCoreName = Field("lstm", description="The paper's LSTM, RAM's ReLU RNN, or a GRU.")
    window: LevelOptions = Field(LevelOptions(), description="Encoder of the words of a window.")
    jumps: Literal["learned", "next", "random"] = Field(
        "learned", description="Jump policy: learned; or a control, always the next window, or uniformly random."
    )
    entropy: float = Field(0.01, ge=0, le=1e6, description="Weight of the jump policy's entropy.")
    embedding_width: int = Field(50, ge=1, le=65_536, description="Width of word vectors where the task gives none.")
    embedding: Literal["trained", "frozen"] = Field(
        "trained", description="Whether pre-trained word vectors are trained on."
    )
    embedding_lr_scale: float = Field(1.0, gt=0, le=1e6, description="Multiple of the learning rate, for word vectors.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of word vectors and of encoded windows.")
