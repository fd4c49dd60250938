"""The options of agents that Stable-Baselines3 trains, by its own names and with its defaults unless said otherwise.

This file knows pydantic and nothing of torch, so that a mistake in a config is answered at once.
"""

from typing import Literal

from pydantic import Field, PositiveInt

from glimpse.agents.options import Options


class Sb3Options(Options):
    """What the three algorithms share.

    Of `train`, a step is one rollout and the updates from it, `batch` is the number of lanes, that is of episodes side
    by side (SB3's `n_envs`), and `clip` is SB3's `max_grad_norm` (0.5 there, none here); `copies`, `betas`,
    `precision` and `compile` have no meaning and are refused.
    """

    name: str
    grid: int = Field(7, ge=1, le=256, description="Cells of the board of places, along each axis.")
    glimpse_width: int = Field(128, ge=1, description="Units of the layer that sees the patches.")
    place_width: int = Field(128, ge=1, description="Units of the layer that sees the place.")
    feature_width: int = Field(256, ge=1, description="Units of the glimpse feature.")
    net_arch: tuple[PositiveInt, ...] = Field(
        (64, 64), description="Units of the layers behind the features, for the policy and again for the value."
    )
    n_steps: int | None = Field(
        None,
        ge=1,
        description="Steps that each of the train.batch lanes makes in a rollout. A rollout and its updates are "
        "one step of training. By default the longest episode, T.",
    )
    gamma: float = Field(0.99, ge=0, le=1, description="Discount of rewards.")
    gae_lambda: float = Field(0.95, ge=0, le=1, description="Lambda of the advantage.")
    ent_coef: float = Field(0.01, ge=0, description="Weight of the entropy; 0 in SB3.")
    vf_coef: float = Field(0.5, ge=0, description="Weight of the value's squared error.")
    normalize_advantage: bool = Field(True, description="Whether advantages are given mean 0 and deviation 1.")


class A2cOptions(Sb3Options):
    """A2C (Mnih et al., 2016), with one update by RMSprop a rollout. It has no memory."""

    name: Literal["sb3-a2c"] = "sb3-a2c"
    gae_lambda: float = Field(1.0, ge=0, le=1, description="Lambda of the advantage.")
    normalize_advantage: bool = Field(False, description="Whether advantages are given mean 0 and deviation 1.")


class ClippedOptions(Sb3Options):
    """What PPO and RecurrentPPO share (Schulman et al., 2017)."""

    n_epochs: int = Field(10, ge=1, description="Passes over a rollout.")
    minibatches: int = Field(
        4, ge=1, description="Minibatches in a pass, each for one update; SB3's batch_size follows."
    )
    clip_range: float = Field(0.2, gt=0, description="How far the probability ratio may leave 1.")


class PpoOptions(ClippedOptions):
    """PPO. It has no memory."""

    name: Literal["sb3-ppo"] = "sb3-ppo"


class RecurrentPpoOptions(ClippedOptions):
    """RecurrentPPO of sb3-contrib: PPO with an LSTM for the policy and another for the value."""

    name: Literal["sb3-recurrent-ppo"] = "sb3-recurrent-ppo"
    memory_width: int = Field(128, ge=1, description="Units of each LSTM; 256 in SB3.")
