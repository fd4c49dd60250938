"""The options of choosing tokens and of learning to; pydantic only, as `glimpse.agents.options`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.attention.masks import by_name
from glimpse.agents.options import Options


class BaselineOptions(Options):
    """How many choices are drawn, and what is taken off their reward."""

    copies: int = Field(1, ge=1, description="Choices drawn of each text of an update.")
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "none",
        validate_default=True,
        description="What is taken off the reward; the last two need 2 copies or more.",
    )

    @field_validator("baseline")
    @classmethod
    def _others_are_there(cls, baseline: str, others: ValidationInfo) -> str:
        if baseline in ("leave_one_out", "self_critical") and others.data.get("copies", 2) < 2:
            raise PydanticCustomError("baseline", f"{baseline!r} needs copies of at least 2 (got 1)")
        return baseline


class ScoreFunctionOptions(BaselineOptions):
    """The score function (Williams, 1992, "REINFORCE"), less a baseline."""

    kind: Literal["reinforce"] = "reinforce"


class StraightThroughOptions(Options):
    """Gumbel noise and a hard choice, with the gradient of the soft one (Jang et al., 2017)."""

    kind: Literal["straight_through"] = "straight_through"
    temperature: float = Field(0.5, gt=0, description="Of the soft choice: the lower, the nearer to the hard one.")


class HardKumaOptions(Options):
    """Stretched and cut Kumaraswamy variables, and a multiplier that holds their rate (Bastings et al., 2019)."""

    kind: Literal["hardkuma"] = "hardkuma"
    rate: float = Field(0.2, gt=0, lt=1, description="Target of the expected share of tokens kept; `cost` is not read.")
    both_ways: bool = Field(
        False, description="Whether a rate below the target costs as well, where a selector would else keep nothing."
    )
    multiplier: float = Field(
        0.1, ge=1e-4, le=1e3, description="What the multiplier begins with: the cost of keeping every token."
    )
    step: float = Field(0.01, gt=0, description="How fast the multiplier follows what is missing, a share an update.")


class ExactOptions(Options):
    """All 2^n choices of a text, for texts of a few tokens: the gradient that all others estimate."""

    kind: Literal["exact"] = "exact"
    longest: int = Field(10, ge=1, le=14, description="Tokens of the longest text that is taken on.")


EstimatorOptions = Annotated[
    Annotated[
        ScoreFunctionOptions | StraightThroughOptions | HardKumaOptions | ExactOptions, Field(discriminator="kind")
    ],
    BeforeValidator(by_name),
]


class SelectorOptions(Options):
    """What says how likely each token is kept."""

    kind: Literal["lstm", "gru", "cnn", "pooled"] = Field(
        "gru",
        description="Reads the text in both directions; or each word with those around it; or beside the mean of all "
        "(ReSAN's sampler).",
    )
    width: int = Field(50, ge=1, description="Units of each direction, or of the hidden layer.")
    span: int = Field(5, ge=1, description="Of a CNN: words that it sees at once, the word itself in their middle.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Of what its layers see.")
    bias: float = Field(0.0, description="What the logit of keeping a token begins with.")
    words_per_coin: int = Field(
        1, ge=1, description="Words in a row that are kept or left out together: runs of so many from the first word."
    )

    @field_validator("span")
    @classmethod
    def _has_a_middle(cls, span: int) -> int:
        if span % 2 == 0:
            raise PydanticCustomError("span", f"should be odd, with the word itself in the middle (got {span})")
        return span
