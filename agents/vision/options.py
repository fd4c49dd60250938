"""Options of agents for images, checked before anything heavy is imported: pydantic only."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.options import (
    AgentOptions,
    InitialPath,
    NetworkOptions,
    Options,
    RecurrentOptions,
    ReinforceOptions,
    SigmaOptions,
    StopOptions,
    Width,
    check_copies,
    check_initial_path,
    check_label_smoothing,
)
from glimpse.agents.recurrent_core_names import StepCoreName


class PolicyOptions(ReinforceOptions):
    """Options of agents whose locations are learned by policy gradient."""

    sigma: SigmaOptions = SigmaOptions()
    initial_path: InitialPath | None = Field(
        None, description="Where the untrained policy looks: (x, y) for glimpses 2 to T; the centre by default."
    )
    locator_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="The locator's learning rate, as a multiple of the others'."
    )
    stop_policy: StopOptions = StopOptions()

    def check_task(self, task: Any) -> None:
        """Check that the initial path has a location for each glimpse after the first."""
        super().check_task(task)
        check_initial_path(self.initial_path, task.glimpses)


class RamOptions(PolicyOptions):
    """Options of RAM, the recurrent attention model (Mnih et al., 2014)."""

    name: Literal["ram"] = "ram"
    locator_width: int = Field(
        128, ge=0, le=65_536, description="Hidden units of the locator; 0 is the paper's linear layer."
    )
    policy_gradient_into: Literal["locator", "core"] = Field(
        "locator", description="Whether the policy gradient stops at the locator or flows on into the recurrent core."
    )


class PathOptions(PolicyOptions):
    """Options of the control with one learned path, the same for every image."""

    name: Literal["path"] = "path"


class RandomOptions(RecurrentOptions):
    """Options of the control with locations sampled uniformly over the image."""

    name: Literal["random"] = "random"


class CentreOptions(RecurrentOptions):
    """Options of the control that always looks at the image's centre."""

    name: Literal["centre"] = "centre"


class RasterOptions(RecurrentOptions):
    """Options of the control that looks at a fixed grid, row by row, as even as the number of glimpses allows.

    `task.initial_location=raster` puts the first glimpse into the grid's first cell; the agent looks at the others.
    """

    name: Literal["raster"] = "raster"


class PlayerOptions(NetworkOptions):
    """Options of the player: RAM in a dynamic environment, with moves instead of an answer.

    Mnih et al. (2014), section 4.2, "Catch".
    """

    name: Literal["player"] = "player"
    recurrent_core: StepCoreName = Field("lstm", description="The paper's LSTM, its ReLU RNN, or a GRU.")
    locator: Literal["learned", "path", "random", "centre", "raster"] = Field(
        "learned",
        description="What chooses the next location: a learned locator, or that of the control with this name.",
    )
    policy_gradient_into: Literal["locator", "core"] = Field(
        "locator",
        description="Whether the policy gradient of locations stops at the locator or flows on into the recurrent "
        "core, where its noise (of the order of 1 / sigma) may exceed the gradient of the moves.",
    )
    scale_gain: float = Field(
        1.0,
        gt=0,
        le=1000,
        description="Factor of brightness from each scale to the next coarser one; zoom squared undoes the averaging "
        "of single pixels.",
    )
    locator_width: int = Field(
        128, ge=0, le=65_536, description="Hidden units of the locator; 0 is the paper's linear layer."
    )
    sigma: SigmaOptions = SigmaOptions()
    locator_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="The locator's learning rate, as a multiple of the others'."
    )
    discount: float = Field(0.99, gt=0, le=1, description="Discount of rewards, gamma.")
    gae_lambda: float = Field(
        0.95,
        ge=0,
        le=1,
        description="Lambda of the generalised advantage estimate; 1 does not bootstrap from the value.",
    )
    entropy: float = Field(0.01, ge=0, le=1e6, description="Weight of the entropy bonus of the moves.")
    value_weight: float = Field(0.5, ge=0, le=1e6, description="Weight of the value loss.")
    update: Literal["reinforce", "ppo"] = Field(
        "reinforce", description="One update by REINFORCE for each batch of episodes, or several by PPO."
    )
    epochs: int = Field(4, ge=1, le=1000, description="PPO: updates from each batch of episodes.")
    clip_ratio: float = Field(0.2, gt=0, lt=1, description="PPO: clip range of the probability ratio around 1.")


class DramOptions(AgentOptions):
    """Options of DRAM, the deep recurrent attention model (Ba, Mnih and Kavukcuoglu, 2015)."""

    name: Literal["dram"] = "dram"
    glimpse_width: int = Field(128, ge=1, le=65_536, description="Units of the layer that sees the patches.")
    feature_width: int = Field(
        256, ge=1, le=65_536, description="Units of the features of patches and location, which are multiplied."
    )
    memory_width: int = Field(256, ge=1, le=65_536, description="Units D of each of the two LSTM layers.")
    context_filters: int = Field(16, ge=1, le=65_536, description="Filters of each convolution on the coarse picture.")
    locator_width: int = Field(128, ge=0, le=65_536, description="Hidden units of the locator; 0 is one linear layer.")
    sigma: SigmaOptions = SigmaOptions()
    initial_path: InitialPath | None = Field(
        None, description="Where the untrained policy looks: (x, y) for glimpses 2 to T; the centre by default."
    )
    policy_gradient_into: Literal["locator", "core"] = Field(
        "locator",
        description="Whether the policy gradient stops at the upper LSTM, so that only the classification loss trains "
        "the layers below, or flows on into the lower one, as in the paper.",
    )
    policy_reward: Literal["correct", "probability"] = Field(
        "correct",
        description="REINFORCE's reward: the environment's (correct), or the probability of the right classes.",
    )
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="Baseline subtracted from the return. The last two need train.copies of 2 or more."
    )
    policy_weight: float = Field(1.0, ge=0, le=1e6, description="Weight of the policy-gradient loss.")
    locator_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="The locator's learning rate, as a multiple of the others'."
    )

    def check_training(self, train: Any) -> None:
        """Check that there are enough rollouts of each example for the baseline."""
        super().check_training(train)
        check_copies(self.baseline, train)


class GridOptions(ReinforceOptions):
    """Options of attention over a grid of patches, soft or hard (Xu et al., 2015).

    Soft attention ignores the options of REINFORCE.
    """

    name: Literal["grid"] = "grid"
    attention: Literal["soft", "hard"] = Field(
        "soft",
        description="Soft reads the expected feature of all cells, learned by backpropagation; hard reads one sampled "
        "cell, learned by policy gradient.",
    )
    patch: int = Field(12, ge=1, le=512, description="Side P of a cell, in pixels.")
    stride: int = Field(
        6, ge=1, le=512, validate_default=True, description="Pixels from one cell to the next; at most `patch`."
    )
    attention_width: int = Field(128, ge=1, le=65_536, description="Units of the layer that scores the cells.")
    scores: Literal["feature", "memory"] = Field(
        "feature",
        description="Cells are scored by their features, or by their locations alone; with `memory`, hard attention "
        "reads only the pixels of the chosen cells.",
    )
    locator_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="The scores' learning rate, as a multiple of the others'."
    )

    @field_validator("stride")
    @classmethod
    def _no_pixel_is_left_out(cls, stride: int, others: ValidationInfo) -> int:
        patch = others.data.get("patch")
        if patch is not None and stride > patch:
            raise PydanticCustomError("stride", f"should be at most agent.patch, which is {patch} (got {stride})")
        return stride


class DrawOptions(RecurrentOptions):
    """Options of differentiable foveal reading by DRAW's Gaussian filter bank (Gregor et al., 2015)."""

    name: Literal["draw"] = "draw"
    recurrent_core: StepCoreName = Field("lstm", description="An LSTM, as in DRAW, the ReLU RNN, or a GRU.")
    patch: int = Field(12, ge=2, le=128, description="Side N of a read, by N x N filters.")
    scales: int = Field(
        1, ge=1, le=8, description="Number K of reads around one centre, each twice as wide as the last; DRAW has one."
    )
    locator_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="The window's learning rate, as a multiple of the others'."
    )


Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]


class WholeImageOptions(AgentOptions):
    """Options that whole-image networks share."""

    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")

    def check_task(self, task: Any) -> None:
        """Check that labels can be smoothed."""
        super().check_task(task)
        check_label_smoothing(self.label_smoothing, task)


class MlpOptions(WholeImageOptions):
    """Options of the fully connected baseline of Mnih et al. (2014)."""

    name: Literal["mlp"] = "mlp"
    widths: Widths = Field((256, 256), description="Units of each hidden layer, followed by a ReLU.")


class FilterOptions(Options):
    """Options of one convolution, followed by a ReLU."""

    filters: int = Field(8, ge=1, le=65_536, description="Number of filters.")
    size: int = Field(10, ge=1, le=512, description="Side of a filter, in pixels.")
    stride: int = Field(5, ge=1, le=512, description="Stride of the convolution, in pixels.")


class ConvOptions(WholeImageOptions):
    """Options of the convolutional baseline of Mnih et al. (2014)."""

    name: Literal["conv"] = "conv"
    layers: Annotated[tuple[FilterOptions, ...], Field(min_length=1, max_length=64)] = Field(
        (FilterOptions(),), description="Convolutions, from the input on."
    )
    width: int = Field(256, ge=1, le=65_536, description="Units of the fully connected layer after the convolutions.")


class CnnOptions(WholeImageOptions):
    """Options of a small modern convolutional network."""

    name: Literal["cnn"] = "cnn"
    widths: Widths = Field((32, 64, 128), description="Channels of each stage; each halves height and width.")
    blocks: int = Field(1, ge=0, le=256, description="Residual blocks in each stage.")
