"""Options of token selection and of its gradient estimators; pydantic only, as `glimpse.agents.options`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import by_name
from glimpse.agents.options import Options
from glimpse.agents.recurrent_core_names import SelectorName


class BaselineOptions(Options):
    """Number of selections for each text, and the baseline of their reward."""

    copies: int = Field(1, ge=1, le=10_000, description="Selections sampled for each text of an update.")
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "none",
        validate_default=True,
        description="What is subtracted from the reward; the last two need copies of 2 or more.",
    )

    @field_validator("baseline")
    @classmethod
    def _others_are_there(cls, baseline: str, others: ValidationInfo) -> str:
        if baseline in ("leave_one_out", "self_critical") and others.data.get("copies", 2) < 2:
            raise PydanticCustomError("baseline", f"{baseline!r} needs copies of at least 2 (got 1)")
        return baseline


class MultiplierOptions(Options):
    """Lagrange multiplier by which a keep rate is held at its target."""

    multiplier: float = Field(
        0.1, ge=1e-4, le=1e3, description="Initial value of the multiplier, the cost of keeping every token."
    )
    step: float = Field(0.01, gt=0, le=10, description="Relative change of the multiplier in an update.")


class ScoreFunctionOptions(MultiplierOptions, BaselineOptions):
    """REINFORCE, the score-function estimator (Williams, 1992), with a baseline."""

    kind: Literal["reinforce"] = "reinforce"
    mean_keep_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Target of the mean keep rate of an update; if set, the multiplier takes the place of agent.cost.",
    )


class StraightThroughOptions(Options):
    """Straight-through Gumbel-sigmoid: a hard mask with the gradient of a soft one (Jang et al., 2017)."""

    kind: Literal["straight_through"] = "straight_through"
    temperature: float = Field(
        0.5, gt=0, le=1000, description="Temperature of the soft mask: the lower, the nearer to the hard one."
    )


class HardKumaOptions(MultiplierOptions):
    """HardKuma masks, and a Lagrange multiplier for their expected keep rate (Bastings et al., 2019)."""

    kind: Literal["hardkuma"] = "hardkuma"
    target_keep_rate: float = Field(
        0.2, gt=0, lt=1, description="Target of the expected keep rate; agent.cost has no effect."
    )
    both_ways: bool = Field(
        False,
        description="Whether a rate below the target is penalised too; else a selector may end up keeping nothing.",
    )


class ExactOptions(Options):
    """Exact gradient by enumeration of all 2^n masks, for texts of a few tokens; all others estimate it."""

    kind: Literal["exact"] = "exact"
    longest: int = Field(10, ge=1, le=14, description="Maximum length of a text, in tokens.")


EstimatorOptions = Annotated[
    Annotated[
        ScoreFunctionOptions | StraightThroughOptions | HardKumaOptions | ExactOptions, Field(discriminator="kind")
    ],
    BeforeValidator(by_name),
]


class SelectorOptions(Options):
    """The network that computes how likely each token is kept."""

    kind: SelectorName = Field(
        "gru",
        description="Network: a bidirectional recurrent one; cnn, each word with its neighbours; or pooled, each word "
        "with the mean of all (ReSAN's sampler).",
    )
    width: int = Field(50, ge=1, le=65_536, description="Units of each direction, or of the hidden layer.")
    span: int = Field(5, ge=1, le=1001, description="Width of the CNN's window in words, odd.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of the inputs of its layers.")
    bias: float = Field(0.0, ge=-100, le=100, description="Initial bias of the logit of keeping a token.")
    words_per_coin: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Words that are kept or left out together: groups of so many in a row, from the first word.",
    )

    @field_validator("span")
    @classmethod
    def _has_a_middle(cls, span: int) -> int:
        if span % 2 == 0:
            raise PydanticCustomError("span", f"should be odd, with the word itself in the middle (got {span})")
        return span
