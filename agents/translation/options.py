"""Options of agents that translate; imports pydantic only."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import by_name
from glimpse.agents.attention.options import (
    AdditiveOptions,
    GeneralOptions,
    MechanismOptions,
    MultiHeadOptions,
    NormaliserOptions,
    SoftmaxOptions,
)
from glimpse.agents.attention.unions import DecoderAttentionOptions, ScoreOptions, options_of_roles, union_by_kind
from glimpse.agents.options import AgentOptions, Options, check_copies, option_error


class SearchOptions(Options):
    """Options of the search for a translation."""

    beam: int = Field(5, ge=1, le=1000, description="Beam width: translations kept at each step; 1 is greedy search.")
    length_penalty: float = Field(
        1.0, ge=0, le=10, description="alpha: log p is divided by ((5 + tokens) / 6)^alpha (Wu et al., 2016); 0: by 1."
    )
    no_repeat: int = Field(
        0, ge=0, le=100, description="n: no n tokens in a row come twice in a translation; 0 allows all."
    )
    replace_unknown: bool = Field(
        True, description="Whether an unknown token is replaced by the source word with the largest attention weight."
    )


class TranslatorOptions(AgentOptions):
    """Options that all agents that translate share."""

    embeddings: Literal["tied", "output_tied", "separate"] = Field(
        "tied",
        description="tied: source, target and output layer share their vectors (needs task.shared); output_tied: "
        "target and output layer do; separate: none do. Sharing needs equal widths of embeddings and output.",
    )
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="Share of each label spread over all tokens.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate of token vectors and of layer outputs.")
    search: SearchOptions = Field(SearchOptions(), description="Search for a translation, greedy or by beam.")
    output_precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Precision of the output layer in training; auto: bfloat16 if the CPU supports it."
    )

    def check_task(self, task: Any) -> None:
        """Check that token vectors are shared only where the vocabulary is."""
        super().check_task(task)
        if self.embeddings == "tied" and not task.shared:
            raise option_error("embeddings", "'tied' needs task.shared: true; without it 'output_tied' or 'separate'")


class BahdanauOptions(TranslatorOptions):
    """RNNsearch (Bahdanau et al., 2015): bidirectional gated units, and additive attention."""

    name: Literal["bahdanau"] = "bahdanau"
    embedding_width: int = Field(256, ge=1, le=65_536, description="Width of token vectors; 620 in the paper.")
    width: int = Field(
        256, ge=1, le=65_536, description="Units of each direction, and of the decoder; 1000 in the paper."
    )
    output_width: int = Field(256, ge=1, le=65_536, description="Maxout units, over two inputs each; 500 in the paper.")
    attention: ScoreOptions = Field(
        AdditiveOptions(), description="Attention mechanism, with its normaliser; additive in the paper."
    )
    output_state: Literal["new", "old"] = Field(
        "new", description="State that the output layer reads: s_i, or s_(i-1) as printed in the paper's appendix."
    )
    weights: Literal["scaled", "paper"] = Field(
        "scaled", description="Initial weights: orthogonal and Glorot; or paper: normal, of deviations 0.01 and 0.001."
    )

    @field_validator("output_width")
    @classmethod
    def _ties_fit(cls, output_width: int, others: ValidationInfo) -> int:
        return _tied(output_width, "output_width", "embedding_width", others)


class Seq2SeqOptions(TranslatorOptions):
    """LSTMs without attention: the decoder begins with the encoder's final state (Sutskever et al., 2014)."""

    name: Literal["seq2seq"] = "seq2seq"
    width: int = Field(256, ge=2, le=65_536, description="Units of each layer, and width of token vectors.")
    layers: int = Field(2, ge=1, le=256, description="Layers of encoder and decoder; 4 in the papers.")
    direction: Literal["both", "forward", "reversed"] = Field(
        "both",
        description="Direction of the encoder; reversed in the papers. both: bidirectional, half the units each.",
    )

    @field_validator("direction")
    @classmethod
    def _both_needs_an_even_width(cls, direction: str, others: ValidationInfo) -> str:
        if direction == "both" and others.data.get("width", 2) % 2:
            raise PydanticCustomError("direction", f"'both' needs an even width (got {others.data['width']})")
        return direction


class HardOptions(Options):
    """Hard attention, learned by policy gradient (Xu et al., 2015)."""

    kind: Literal["hard"] = "hard"
    score: Literal["dot", "general", "concat", "scaled_dot"] = Field(
        "general", description="Score of the decoder's state and a source position."
    )
    monotone: bool = Field(False, description="Whether attention only moves forward through the source.")
    reach: int = Field(5, ge=1, le=10_000, description="Monotone: largest step forward, in source tokens.")
    discount: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Monotone: discount of later tokens in the reward of a position, which restricts the positions "
        "that follow. The reward is the log-probability of the position's own token and of later ones.",
    )
    baseline: Literal["none", "learned", "moving_average"] = Field(
        "learned", description="Baseline that is subtracted from the reward, a log-probability."
    )
    begins: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="Share of training after which positions are drawn; until then all contexts are expected ones.",
    )
    soft: float = Field(0.5, ge=0, lt=1, description="Share of sentences that read the expected context after that.")
    entropy: float = Field(0.002, ge=0, le=1e6, description="Weight of the entropy bonus of positions.")
    policy: float = Field(0.2, gt=0, le=1e6, description="Weight of the policy loss, added to the cross-entropy.")


if TYPE_CHECKING:
    LuongAttentionOptions = MechanismOptions | HardOptions
else:
    LuongAttentionOptions = union_by_kind(*options_of_roles("query"), HardOptions)


class LuongOptions(Seq2SeqOptions):
    """LSTMs with global or local attention (Luong, Pham and Manning, 2015)."""

    name: Literal["luong"] = "luong"  # type: ignore[assignment]  # a variant of its own
    attention: LuongAttentionOptions = Field(
        GeneralOptions(),
        description="dot, general, concat or location; local (local-m or local-p by its `centre`); or hard.",
    )
    input_feeding: bool = Field(
        True, validate_default=True, description="Whether h~ is fed back to the decoder; not with `hard`."
    )

    @field_validator("input_feeding")
    @classmethod
    def _hard_attention_has_no_input_feeding(cls, input_feeding: bool, others: ValidationInfo) -> bool:
        if input_feeding and isinstance(others.data.get("attention"), HardOptions):
            message = "should be false because agent.attention is hard: a position is rewarded for its own token alone"
            raise PydanticCustomError("input_feeding", message)
        return input_feeding


class TranslatingTransformerOptions(TranslatorOptions):
    """The Transformer (Vaswani et al., 2017)."""

    name: Literal["transformer"] = "transformer"
    width: int = Field(128, ge=2, le=65_536, description="D, a multiple of the number of heads; 512 in the paper.")
    layers: int = Field(4, ge=1, le=256, description="Layers of the encoder, and of the decoder; 6 in the paper.")
    heads: int = Field(
        4, ge=1, le=1024, validate_default=True, description="Heads h, a divisor of the width; 8 in the paper."
    )
    feed_forward: int = Field(
        256, ge=1, le=65_536, description="Hidden units of the feed-forward layers; 2048 in the paper."
    )
    attention: DecoderAttentionOptions = Field(
        MultiHeadOptions(),
        validate_default=True,
        description="Self-attention: multi_head, relative, or sparse (in the decoder its past positions). "
        "Its `heads` and `normaliser` are the agent's.",
    )
    normaliser: NormaliserOptions = Field(
        SoftmaxOptions(), description="Of all attention: softmax, sparsemax or entmax."
    )
    norm: Literal["post", "pre"] = Field("pre", description="Layer norm after sublayers, as in the paper, or before.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout rate of token vectors and of sublayer outputs.")

    @field_validator("heads")
    @classmethod
    def _heads_divide_the_width(cls, heads: int, others: ValidationInfo) -> int:
        width = others.data.get("width")
        if width is not None and width % heads:
            raise PydanticCustomError("heads", f"heads should divide the width, which is {width} (got {heads})")
        return heads

    @model_validator(mode="after")
    def _self_attention_has_the_agents_heads(self) -> Self:
        """Give self-attention the agent's heads and normaliser; refuse others of its own."""
        for name in ("heads", "normaliser"):
            given, own = getattr(self.attention, name), getattr(self, name)
            if given not in (own, type(self.attention).model_fields[name].default):
                raise PydanticCustomError(
                    name, f"attention.{name} is always that of the agent: set agent.{name} instead"
                )
        both = {"heads": self.heads, "normaliser": self.normaliser}
        object.__setattr__(self, "attention", self.attention.model_copy(update=both))  # Options are frozen.
        return self


class SimultaneousTranslatorOptions(TranslatingTransformerOptions):
    """Simultaneous translation: a Transformer that reads the source token by token, and a READ / WRITE policy.

    The Transformer is trained with wait-k: each target token may read k source tokens more than those written before
    it (Ma et al., 2019). k is drawn anew for each update (multipath wait-k, Elbayad et al., 2020).
    """

    name: Literal["simultaneous-translator"] = "simultaneous-translator"  # type: ignore[assignment]  # a variant of its own
    attention: Annotated[MultiHeadOptions, BeforeValidator(by_name)] = Field(
        MultiHeadOptions(), validate_default=True, description="Self-attention; its heads are the agent's."
    )
    policy: Literal["learned", "wait_k", "full"] = Field(
        "learned",
        description="READ / WRITE policy: learned by policy gradient; or a control: wait_k, `wait` tokens behind the "
        "source, or full, after reading the whole sentence.",
    )
    wait: int = Field(3, ge=1, le=10_000, description="wait_k: source tokens read before the first WRITE.")
    longest_wait: int = Field(10, ge=1, le=10_000, description="Largest k of wait-k training.")
    whole: float = Field(0.3, ge=0, le=1, description="Share of updates on whole sentences instead of wait-k.")
    begins: float = Field(
        0.5, ge=0, lt=1, description="Learned: share of training after which the policy begins to learn."
    )
    play_every: int = Field(
        3, ge=1, le=1_000_000, description="Learned: one update in so many trains the policy on rollouts."
    )
    play_one_in: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="Learned: one sentence in so many of such a batch is played, `train.copies` times.",
    )
    policy_width: int = Field(64, ge=1, le=65_536, description="Hidden units of the policy.")
    policy_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="Learning rate of the policy, as a multiple of `train.learning_rate`."
    )
    entropy: float = Field(0.002, ge=0, le=1e6, description="Weight of the entropy bonus of the policy.")
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "leave_one_out", description="Baseline of the reward. The last two need train.copies of 2 or more."
    )

    def check_training(self, train: Any) -> None:
        """Check that baselines that compare rollouts get several of each sentence."""
        super().check_training(train)
        if self.policy == "learned":
            check_copies(self.baseline, train)


def _tied(width: int, name: str, other: str, others: ValidationInfo) -> int:
    """Check that a tied output layer has the width of the token vectors."""
    if others.data.get("embeddings") != "separate" and width != others.data.get(other, width):
        message = f"should be {other}, {others.data[other]}, unless embeddings are separate (got {width})"
        raise PydanticCustomError(name, message)
    return width
