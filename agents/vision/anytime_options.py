"""Options of the anytime agent; pydantic only."""

from typing import Any, Literal

from pydantic import Field

from glimpse.agents.options import (
    AgentOptions,
    Options,
    SigmaOptions,
    check_copies,
    check_label_smoothing,
    option_error,
)
from glimpse.agents.recurrent_core_names import StepCoreName
from glimpse.agents.vision.encoder_options import ConvolutionEncoderOptions
from glimpse.agents.vision.glimpse_encoders import GlimpseEncoderOptions

_CONTROLS = ("path", "random", "centre", "raster", "saliency", "none")


class LookImitationOptions(Options):
    """Options of a warm start in which the policy imitates a teacher who knows where things are."""

    of: Literal["targets"] = Field(
        "targets",
        description="The teacher, of tasks that know their targets: looks at any target that no look has shown, as "
        "close as it needs.",
    )
    until: float = Field(
        0.0, ge=0, le=1, description="Share of training in which the policy imitates instead of being reinforced."
    )
    follow: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the looks in this time that are the teacher's own, so that answers learn from what there "
        "is to be found before the policy finds it.",
    )


class AnytimeOptions(AgentOptions):
    """Options of the anytime agent: encoder, core, policy over location and zoom, reward and value of looks."""

    name: Literal["anytime"] = "anytime"
    encoder: GlimpseEncoderOptions = Field(
        ConvolutionEncoderOptions(),
        description="Network that sees glimpses and the glance: a section with `kind`, or the kind alone.",
    )
    frequencies: int = Field(4, ge=0, le=16, description="Fourier features of location and zoom: number of octaves.")
    feature_width: int = Field(256, ge=1, le=65_536, description="Units of the feature of a glimpse.")
    memory_width: int = Field(256, ge=1, le=65_536, description="Units D of the recurrent core.")
    recurrent_core: StepCoreName = Field("gru", description="A ReLU RNN, an LSTM, a GRU, or another of the registry.")
    look_policy: Literal["gaussian", "grid", "both", "path", "random", "centre", "raster", "saliency", "none"] = Field(
        "both",
        description="Where to look next: a Gaussian location and a zoom; the centre of a cell of coarse grids, one for "
        "each zoom, scored from glance and memory; or a cell and a Gaussian offset inside it. Controls: one learned "
        "path of locations and zooms for all pictures; random looks; always the centre; a fixed scan, row by row; the "
        "cells in which the glance varies most; or none, where answers come from the glance alone.",
    )
    look_zoom: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Zoom of all looks of the controls random, centre, raster and saliency, where task.zoom is given. "
        "By default random ones have random zooms, and the others the finest, 0.",
    )
    glance_reading: Literal["map", "mean", "attention"] = Field(
        "map",
        description="How the memory reads the glance: a few channels of its map at 4 x 4 places, the mean of its map, "
        "or the sum of its places, weighted by soft attention.",
    )
    saliency_prior: float = Field(
        0.0,
        ge=0,
        le=100,
        description="With a grid and task.glance: how much a learned policy begins by preferring cells in which the "
        "glance varies, as the weight of the standardised log variance in a cell's score. It is learned on.",
    )
    cells: int = Field(8, ge=1, le=64, description="Cells along each axis of the finest zoom's grid.")
    cell_points: int = Field(
        1,
        ge=1,
        le=8,
        description="Places along each axis of a cell at which its policy reads the glance's features; of several the "
        "largest value of each unit counts, so that small things are seen wherever in a cell they are.",
    )
    look_encoder: GlimpseEncoderOptions | None = Field(
        None,
        description="Network of its own with which a policy with cells reads the glance: a section with `kind`, or the "
        "kind alone. By default it reads the map of `encoder`. Its lr_scale is a multiple of the policy's rate.",
    )
    levels: int = Field(5, ge=2, le=16, description="Zooms of the grids, where task.zoom is continuous.")
    policy_width: int = Field(64, ge=1, le=65_536, description="Hidden units of the policy.")
    sigma: SigmaOptions = Field(
        SigmaOptions(start=0.3, end=0.1),
        description="Noise of locations, in halves of the picture's sides; with `both` in halves of a cell's sides.",
    )
    policy_gradient_into: Literal["policy", "glance", "all"] = Field(
        "glance",
        description="Whether the policy gradient stops at the policy, flows on into the encoder of the glance, or also "
        "into the recurrent core.",
    )
    policy_reward: Literal["gain", "correct", "probability"] = Field(
        "gain",
        description="What a look is rewarded by: the fall of the error by it (gain), the environment's reward (correct)"
        ", or the probability of the right class at the end. Where nothing is answered, the environment's reward.",
    )
    discount: float = Field(0.9, ge=0, le=1, description="Discount of the rewards of later looks.")
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="Baseline subtracted from the return. The last two need train.copies of 2 or more."
    )
    policy_weight: float = Field(1.0, ge=0, le=1e6, description="Weight of the policy-gradient loss.")
    entropy: float = Field(0.01, ge=0, le=1e6, description="Weight of the entropy bonus of cells and zooms.")
    policy_lr_scale: float = Field(
        1.0, gt=0, le=1e6, description="The policy's learning rate, as a multiple of the others'."
    )
    update: Literal["reinforce", "ppo"] = Field(
        "reinforce", description="One update by REINFORCE for each batch of episodes, or several by PPO."
    )
    epochs: int = Field(2, ge=1, le=1000, description="PPO: updates from each batch of episodes.")
    clip_ratio: float = Field(0.2, gt=0, lt=1, description="PPO: clip range of the probability ratio around 1.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")
    pretraining: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of training, at its beginning, with random looks, which train all but looks.",
    )
    warm_up: float = Field(
        0.0, ge=0, lt=1, description="Share of training after that in which the policy's loss grows to its weight."
    )
    imitation: LookImitationOptions = Field(LookImitationOptions(), description="Warm start of the policy.")
    stop_threshold: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="With task.stop, an episode ends where the looks to come are worth less, as the agent predicts: "
        "in nats of cross-entropy. While training no episode ends early.",
    )

    @property
    def title(self) -> str:
        """Name of the agent in tables and reports, with its looks where they are a control."""
        return f"{self.name}, {self.look_policy}" if self.look_policy in _CONTROLS else self.name

    @property
    def classification(self) -> str:
        """Which answers are trained: those after all looks."""
        return "every_step"

    def check_task(self, task: Any) -> None:
        """Check that there is a glance where one is needed, and that labels fit smoothing and reward."""
        super().check_task(task)
        if self.look_policy in ("saliency", "none") and task.glance is None:
            raise option_error("look_policy", f"{self.look_policy!r} needs a glance: give task.glance, such as 64")
        if self.look_encoder is not None and task.glance is None:
            raise option_error("look_encoder", "reads the glance: give task.glance, such as 64, or use null")
        if self.look_encoder is not None and self.look_policy not in ("grid", "both", *_CONTROLS):
            problem = f"belongs to a policy with cells, 'grid' or 'both' (agent.look_policy is {self.look_policy!r})"
            raise option_error("look_encoder", problem)
        check_label_smoothing(self.label_smoothing, task)
        if self.imitation.until > 0 and not getattr(task, "has_targets", False):
            raise option_error("imitation.until", f"{task.name!r} does not know where its targets are: use 0")
        if self.policy_reward != "probability":
            return
        for key, good in (("reward", "end"), ("labels", "classes")):
            given = getattr(task, key, good)
            if given != good and given != "many":
                problem = f"should be 'gain' or 'correct' because task.{key} is {given!r} (got 'probability')"
                raise option_error("policy_reward", problem)

    def check_training(self, train: Any) -> None:
        """Check that there are enough rollouts of each example for the baseline."""
        super().check_training(train)
        check_copies(self.baseline, train)
