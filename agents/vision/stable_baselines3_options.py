"""Options of the agents that Stable-Baselines3 trains: pydantic only."""

from typing import Any, Literal

from pydantic import Field

from glimpse.agents.options import AgentOptions, Width, option_error


class Sb3Options(AgentOptions):
    """Options that the three algorithms of Stable-Baselines3 share.

    The section `train` means: a step is one rollout and the updates from it; `batch` is the number of lanes (SB3's
    `n_envs`); `max_grad_norm` is SB3's option of the same name (0.5 there, none here). `copies`, `optimizer`,
    `momentum`, `betas`, `weight_decay`, `precision` and `compile` have no meaning and are refused.
    """

    grid: int = Field(7, ge=1, le=256, description="Cells of the grid of locations, along each axis.")
    glimpse_width: int = Field(128, ge=1, le=65_536, description="Units of the layer that sees the patches.")
    location_width: int = Field(128, ge=1, le=65_536, description="Units of the layer that sees the location.")
    feature_width: int = Field(256, ge=1, le=65_536, description="Units of the glimpse feature.")
    net_arch: tuple[Width, ...] = Field(
        (64, 64),
        max_length=64,
        description="Units of the layers behind the features, for the policy and again for the value.",
    )
    n_steps: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Steps of each of the train.batch lanes in a rollout; by default the longest episode, T. A rollout "
        "and its updates are one step of training.",
    )
    gamma: float = Field(0.99, ge=0, le=1, description="Discount of rewards.")
    gae_lambda: float = Field(0.95, ge=0, le=1, description="Lambda of the generalised advantage estimate.")
    ent_coef: float = Field(0.01, ge=0, le=1e6, description="Weight of the entropy bonus; 0 in SB3.")
    vf_coef: float = Field(0.5, ge=0, le=1e6, description="Weight of the value loss.")
    normalize_advantage: bool = Field(True, description="Whether advantages are normalised to mean 0 and deviation 1.")

    def check_training(self, train: Any) -> None:
        """Check that no option of the training is set that Stable-Baselines3, which trains the agent, does not have."""
        super().check_training(train)
        void = ("copies", "optimizer", "momentum", "betas", "weight_decay", "compile")
        changed = [key for key in void if getattr(train, key) != type(train).model_fields[key].default]
        for key in changed + ["precision"] * (train.precision == "bfloat16"):
            problem = f"has no meaning because Stable-Baselines3 trains {self.name!r}: leave it out"
            raise option_error(key, f"{problem} (got {getattr(train, key)})")


class A2cOptions(Sb3Options):
    """Options of A2C (Mnih et al., 2016): one update by RMSprop for each rollout, without a memory."""

    name: Literal["sb3-a2c"] = "sb3-a2c"
    gae_lambda: float = Field(1.0, ge=0, le=1, description="Lambda of the generalised advantage estimate.")
    normalize_advantage: bool = Field(False, description="Whether advantages are normalised to mean 0 and deviation 1.")


class ClippedOptions(Sb3Options):
    """Options that PPO and RecurrentPPO share (Schulman et al., 2017)."""

    n_epochs: int = Field(10, ge=1, le=1000, description="Passes over a rollout.")
    minibatches: int = Field(
        4, ge=1, le=10_000, description="Minibatches in a pass, one update each; SB3's batch_size follows from it."
    )
    clip_range: float = Field(0.2, gt=0, le=100, description="Clip range of the probability ratio around 1.")

    def check_training(self, train: Any) -> None:
        """Check that a rollout can be divided into minibatches."""
        super().check_training(train)
        if train.batch % self.minibatches:
            problem = f"should be a multiple of agent.minibatches, which is {self.minibatches} (got {train.batch})"
            raise option_error("batch", problem)


class PpoOptions(ClippedOptions):
    """Options of PPO, without a memory."""

    name: Literal["sb3-ppo"] = "sb3-ppo"


class RecurrentPpoOptions(ClippedOptions):
    """Options of RecurrentPPO of sb3-contrib: PPO with an LSTM for the policy and another for the value."""

    name: Literal["sb3-recurrent-ppo"] = "sb3-recurrent-ppo"
    memory_width: int = Field(128, ge=1, le=65_536, description="Units of each LSTM; 256 in SB3.")
