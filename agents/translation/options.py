"""The options of agents that translate; pydantic only."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import by_name
from glimpse.agents.attention.options import (
    AdditiveOptions,
    DotOptions,
    GeneralOptions,
    LinearConcatOptions,
    LocalOptions,
    LocationOptions,
    MultiHeadOptions,
    NormaliserOptions,
    ScaledDotOptions,
    ScoreOptions,
    SoftmaxOptions,
)
from glimpse.agents.encoders.options import DecoderAttentionOptions
from glimpse.agents.options import Options


class SearchOptions(Options):
    """How a translation is looked for."""

    beam: int = Field(5, ge=1, description="Translations kept at each piece; 1 is greedy search.")
    length_penalty: float = Field(
        1.0, ge=0, description="alpha: log p is divided by ((5 + pieces) / 6)^alpha (Wu et al., 2016); 0: by nothing."
    )
    replace_unknown: bool = Field(
        True, description="Whether what is unknown is replaced by the source's word that was attended to most."
    )


class TranslatorOptions(Options):
    """What all agents that translate share."""

    embeddings: Literal["tied", "output_tied", "separate"] = Field(
        "tied",
        description="tied: vectors of source, target and output layer are the same (for task.shared), output_tied: "
        "those of target and output layer, separate: none. Ties need the widths of embeddings and output to be equal.",
    )
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="Share of each label given to all pieces alike.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Of vectors, and of what is added or put out.")
    search: SearchOptions = Field(SearchOptions(), description="How a translation is looked for.")
    output_precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Of the output layer's products in training; auto: bfloat16 where there are instructions."
    )


class BahdanauOptions(TranslatorOptions):
    """RNNsearch (Bahdanau et al., 2015): gated units that read both ways, and additive attention."""

    name: Literal["bahdanau"] = "bahdanau"
    embedding_width: int = Field(256, ge=1, description="Of the vectors of pieces; 620 in the paper.")
    width: int = Field(256, ge=1, description="Units of each direction, and of the decoder; 1000 in the paper.")
    output_width: int = Field(256, ge=1, description="Units behind the maxout, of two each; 500 in the paper.")
    attention: ScoreOptions = Field(
        AdditiveOptions(), description="The score, additive in the paper, and what normalises it."
    )
    output_state: Literal["new", "old"] = Field(
        "new", description="Whether the output reads the state s_i, or s_(i-1) as the paper's appendix prints it."
    )
    weights: Literal["scaled", "paper"] = Field(
        "scaled", description="Initial weights: orthogonal and Glorot, or as the paper: deviations of 0.01 and 0.001."
    )

    @field_validator("output_width")
    @classmethod
    def _ties_fit(cls, output_width: int, others: ValidationInfo) -> int:
        return _tied(output_width, "output_width", "embedding_width", others)


class Seq2SeqOptions(TranslatorOptions):
    """LSTMs without attention: all that is known of the source is the encoder's last state (Sutskever et al., 2014)."""

    name: Literal["seq2seq"] = "seq2seq"
    width: int = Field(256, ge=2, description="Units of each layer, and width of the vectors of pieces.")
    layers: int = Field(2, ge=1, description="Layers of encoder and decoder; 4 in the papers.")
    direction: Literal["both", "forward", "reversed"] = Field(
        "both", description="How the source is read; reversed in the papers. Both: half of the units each."
    )

    @field_validator("direction")
    @classmethod
    def _halves_are_whole(cls, direction: str, others: ValidationInfo) -> str:
        if direction == "both" and others.data.get("width", 2) % 2:
            raise PydanticCustomError("direction", f"'both' needs an even width (got {others.data['width']})")
        return direction


class HardOptions(Options):
    """One piece of the source at each step, by policy gradient (Xu et al., 2015)."""

    kind: Literal["hard"] = "hard"
    score: Literal["dot", "general", "concat", "scaled_dot"] = "general"
    monotone: bool = Field(False, description="Whether a place is never before the last one.")
    reach: int = Field(5, ge=1, description="Monotone: how many pieces a place may be behind the last one.")
    discount: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Monotone: a place is worth the log-probability of its own piece, and of those behind it, each "
        "less by this factor, since it says where these may be read.",
    )
    baseline: Literal["none", "learned", "moving_average"] = Field(
        "learned", description="What is taken off the log-probability that a place is worth."
    )
    begins: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="Share of training after which places are drawn; before it all contexts are expected.",
    )
    soft: float = Field(0.5, ge=0, lt=1, description="Share of sentences that read the expected context afterwards.")
    entropy: float = Field(0.002, ge=0, description="Weight of the entropy of places, which is made larger.")
    policy: float = Field(0.2, gt=0, description="Weight of the policy gradient beside the cross-entropy.")


LuongAttentionOptions = Annotated[
    Annotated[
        AdditiveOptions
        | DotOptions
        | ScaledDotOptions
        | GeneralOptions
        | LinearConcatOptions
        | LocationOptions
        | LocalOptions
        | HardOptions,
        Field(discriminator="kind"),
    ],
    BeforeValidator(by_name),
]


class LuongOptions(Seq2SeqOptions):
    """LSTMs with global or local attention (Luong, Pham and Manning, 2015)."""

    name: Literal["luong"] = "luong"  # type: ignore[assignment]  # a variant of its own
    attention: LuongAttentionOptions = Field(
        GeneralOptions(),
        description="dot, general, concat or location; local, local-m or local-p by its `centre`; or hard.",
    )
    input_feeding: bool = Field(
        True, validate_default=True, description="Whether the decoder reads what it last attended to; not with `hard`."
    )

    @field_validator("input_feeding")
    @classmethod
    def _a_place_is_worth_its_piece_alone(cls, input_feeding: bool, others: ValidationInfo) -> bool:
        if input_feeding and isinstance(others.data.get("attention"), HardOptions):
            message = "should be false because agent.attention is hard: a place is credited with its own piece alone"
            raise PydanticCustomError("input_feeding", message)
        return input_feeding


class TranslatingTransformerOptions(TranslatorOptions):
    """The Transformer (Vaswani et al., 2017)."""

    name: Literal["transformer"] = "transformer"
    width: int = Field(128, ge=2, description="D, which the heads divide; 512 in the paper.")
    layers: int = Field(4, ge=1, description="Of the encoder, and of the decoder; 6 in the paper.")
    heads: int = Field(4, ge=1, validate_default=True, description="Heads h, which divide the width; 8 in the paper.")
    feed_forward: int = Field(256, ge=1, description="Hidden units of the layer after attention; 2048 in the paper.")
    attention: DecoderAttentionOptions = Field(
        MultiHeadOptions(),
        validate_default=True,
        description="Among a sentence's own pieces: multi_head, relative, or sparse, whose pattern the decoder reads "
        "backwards alone; its `heads` and `normaliser` are the agent's.",
    )
    normaliser: NormaliserOptions = Field(SoftmaxOptions(), description="Of all attention: softmax, sparsemax, entmax.")
    norm: Literal["post", "pre"] = Field("pre", description="Layer norm after each sublayer, as the paper, or before.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Of vectors, and of what each sublayer adds.")

    @field_validator("heads")
    @classmethod
    def _heads_divide_the_width(cls, heads: int, others: ValidationInfo) -> int:
        width = others.data.get("width")
        if width is not None and width % heads:
            raise PydanticCustomError("heads", f"heads should divide the width, which is {width} (got {heads})")
        return heads

    @model_validator(mode="after")
    def _heads_and_normaliser_are_those_of_all(self) -> Self:
        """Attention among a sentence's own pieces takes them from the agent, and takes none of its own."""
        for name in ("heads", "normaliser"):
            given, own = getattr(self.attention, name), getattr(self, name)
            if given not in (own, type(self.attention).model_fields[name].default):
                raise PydanticCustomError(
                    name, f"attention.{name} is always that of the agent: set agent.{name} instead"
                )
        both = {"heads": self.heads, "normaliser": self.normaliser}
        object.__setattr__(self, "attention", self.attention.model_copy(update=both))  # Options are frozen.
        return self


class InterpreterOptions(TranslatingTransformerOptions):
    """A Transformer that hears a sentence piece by piece, and a policy that says when it writes.

    It learns to translate from what was heard alone, k pieces ahead of what is written, k drawn anew for each update
    (wait-k, Ma et al., 2019; many k, Elbayad et al., 2020).
    """

    name: Literal["interpreter"] = "interpreter"  # type: ignore[assignment]  # a variant of its own
    attention: Annotated[MultiHeadOptions, BeforeValidator(by_name)] = Field(
        MultiHeadOptions(), validate_default=True, description="Among a sentence's own pieces; heads as the agent's."
    )
    policy: Literal["learned", "wait_k", "full"] = Field(
        "learned",
        description="When it writes: learned by policy gradient; or a control: wait_k, `wait` pieces behind what is "
        "heard, or full, when all has been heard.",
    )
    wait: int = Field(3, ge=1, description="wait_k: pieces that are heard before the first one is written.")
    longest_wait: int = Field(10, ge=1, description="The largest k of the prefixes that it learns to translate.")
    whole: float = Field(0.3, ge=0, le=1, description="Share of updates in which all of a sentence is read instead.")
    begins: float = Field(
        0.5, ge=0, lt=1, description="Learned: share of training after which the policy plays; it must translate first."
    )
    play_every: int = Field(3, ge=1, description="Learned: of so many updates the policy plays in one.")
    play_one_in: int = Field(
        1, ge=1, description="Learned: of so many sentences of an update the policy plays one, `train.copies` times."
    )
    policy_width: int = Field(64, ge=1, description="Hidden units of the policy.")
    policy_rate: float = Field(1.0, gt=0, description="The policy's learning rate, as a multiple of the others'.")
    entropy: float = Field(0.002, ge=0, description="Weight of the policy's entropy, which is made larger.")
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "leave_one_out", description="What is subtracted from the reward. The last two need train.copies of 2 or more."
    )


def _tied(width: int, name: str, other: str, others: ValidationInfo) -> int:
    """A tied output layer reads as many numbers as a vector has."""
    if others.data.get("embeddings") != "separate" and width != others.data.get(other, width):
        message = f"should be {other}, {others.data[other]}, unless embeddings are separate (got {width})"
        raise PydanticCustomError(name, message)
    return width
