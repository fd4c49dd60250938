"""The options of DRAM, checked before anything heavy is imported."""

from typing import Literal

from pydantic import Field

from glimpse.agents.options import Options, SigmaOptions


class DramOptions(Options):
    """The deep recurrent attention model (Ba, Mnih and Kavukcuoglu, 2015)."""

    name: Literal["dram"] = "dram"
    glimpse_width: int = Field(128, ge=1, description="Units of the layer that sees the patches.")
    feature_width: int = Field(256, ge=1, description="Units of what was seen and of where, which are multiplied.")
    memory_width: int = Field(256, ge=1, description="Units D of each of the two LSTM layers.")
    context_filters: int = Field(16, ge=1, description="Filters of each layer that sees the coarse picture.")
    locator_width: int = Field(128, ge=0, description="Hidden units of the locator; 0 is one linear layer.")
    sigma: SigmaOptions = SigmaOptions()
    first_path: tuple[tuple[float, float], ...] | None = Field(
        None, description="Where the untrained policy looks: (x, y) for glimpses 2 to T; the centre by default."
    )
    policy_gradient: Literal["locator", "core"] = Field(
        "locator",
        description="Where the policy gradient stops: at the upper LSTM, so that classification alone moves what is "
        "below it; or flowing on into the lower one, as in the paper.",
    )
    credit: Literal["reward", "probability"] = Field(
        "reward", description="What is reinforced: the world's reward, or the probability given to the right classes."
    )
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="What is subtracted from the return. The last two need train.copies of 2 or more."
    )
    policy_weight: float = Field(1.0, ge=0, description="Weight of the policy-gradient loss.")
    locator_rate: float = Field(1.0, gt=0, description="The locator's learning rate, as a multiple of the others'.")
