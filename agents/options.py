"""The options of every agent, checked before anything heavy is imported.

This file knows pydantic and nothing of torch, so that a mistake in a config is answered at once.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Plain, immutable data; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SigmaOptions(Options):
    """Standard deviation of the places that the locator samples, in units of half the image's side."""

    start: float = Field(0.1, gt=0, le=2, description="At the start of training.")
    end: float = Field(0.05, gt=0, le=2, description="At the end of training.")
    schedule: Literal["linear", "geometric", "learned"] = Field(
        "linear", description="From start to end along a line or a geometric sequence; or learned, beginning at start."
    )


class StopOptions(Options):
    """What decides to stop, where the task allows it."""

    width: int = Field(128, ge=1, description="Units of its hidden layer.")
    start: float = Field(2.0, gt=0, le=20, description="The largest size of its logit at the start of training.")
    end: float = Field(6.0, gt=0, le=20, description="And at the end.")


class NetworkOptions(Options):
    """The networks of recurrent attention: glimpse network and core."""

    glimpse_width: int = Field(128, ge=1, description="Units of the layer that sees the patches (h_g in the paper).")
    place_width: int = Field(128, ge=1, description="Units of the layer that sees the place (h_l).")
    feature_width: int = Field(256, ge=1, description="Units of the glimpse feature g.")
    memory_width: int = Field(256, ge=1, description="Units D of the core.")
    core: Literal["rnn", "lstm"] = Field("rnn", description="The paper's rectified recurrent core, or an LSTM.")


class RecurrentOptions(NetworkOptions):
    """What RAM and its controls share: the networks, and the losses of classification."""

    classification: Literal["final", "every_step"] = Field(
        "final", description="Cross-entropy at the last step only, or averaged over all steps."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")


class ReinforceOptions(RecurrentOptions):
    """What is learned by policy gradient: which return, less which baseline."""

    credit: Literal["reward", "probability"] = Field(
        "reward", description="What is reinforced: the world's reward, or the probability given to the right class."
    )
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="What is subtracted from the return. The last two need train.copies of 2 or more."
    )
    policy_weight: float = Field(1.0, ge=0, description="Weight of the policy-gradient loss.")


class PolicyOptions(ReinforceOptions):
    """An agent whose places are learned by policy gradient."""

    sigma: SigmaOptions = SigmaOptions()
    first_path: tuple[tuple[float, float], ...] | None = Field(
        None, description="Where the untrained policy looks: (x, y) for glimpses 2 to T; the centre by default."
    )
    locator_rate: float = Field(1.0, gt=0, description="The locator's learning rate, as a multiple of the others'.")
    stopper: StopOptions = StopOptions()


class RamOptions(PolicyOptions):
    """The recurrent attention model (Mnih et al., 2014)."""

    name: Literal["ram"] = "ram"
    locator_width: int = Field(128, ge=0, description="Hidden units of the locator; 0 is the paper's linear layer.")
    policy_gradient: Literal["locator", "core"] = Field(
        "locator", description="Where the policy gradient stops: at the locator, or flowing on into the core."
    )


class PathOptions(PolicyOptions):
    """Control: one learned path, the same for every image."""

    name: Literal["path"] = "path"


class RandomOptions(RecurrentOptions):
    """Control: places drawn uniformly over the image."""

    name: Literal["random"] = "random"


class CentreOptions(RecurrentOptions):
    """Control: always the image's centre."""

    name: Literal["centre"] = "centre"


class RasterOptions(RecurrentOptions):
    """Control: a fixed grid, row by row, that covers the image as evenly as the glimpses allow."""

    name: Literal["raster"] = "raster"


class PlayerOptions(NetworkOptions):
    """RAM in a world that moves and asks for moves instead of an answer (Mnih et al., 2014, section 4.2, "Catch")."""

    name: Literal["player"] = "player"
    core: Literal["rnn", "lstm"] = Field("lstm", description="The paper's LSTM, or its rectified recurrent core.")
    eyes: Literal["learned", "path", "random", "centre", "raster"] = Field(
        "learned", description="What chooses the next place: learned; or a control, as the agents of these names."
    )
    policy_gradient: Literal["locator", "core"] = Field(
        "locator",
        description="Where the gradient of the looks stops: at the locator, or flowing on into the core, where its "
        "noise (of the order of 1 / sigma) may drown that of the moves.",
    )
    scale_gain: float = Field(
        1.0,
        gt=0,
        description="By how much each coarser scale is amplified; zoom squared undoes the averaging of lone pixels.",
    )
    locator_width: int = Field(128, ge=0, description="Hidden units of the locator; 0 is the paper's linear layer.")
    sigma: SigmaOptions = SigmaOptions()
    locator_rate: float = Field(1.0, gt=0, description="The locator's learning rate, as a multiple of the others'.")
    discount: float = Field(0.99, gt=0, le=1, description="Discount of rewards, gamma.")
    trace: float = Field(0.95, ge=0, le=1, description="Lambda of the advantage; 1 does not bootstrap from the value.")
    entropy: float = Field(0.01, ge=0, description="Weight of the entropy of the moves.")
    value_weight: float = Field(0.5, ge=0, description="Weight of the value's squared error.")
    update: Literal["reinforce", "ppo"] = Field(
        "reinforce", description="One update by the score function for each batch of episodes, or several by PPO."
    )
    epochs: int = Field(4, ge=1, description="PPO: updates made from a batch of episodes.")
    clip_ratio: float = Field(0.2, gt=0, lt=1, description="PPO: how far the probability ratio may leave 1.")
