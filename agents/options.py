"""Options that agents share, checked before anything heavy is imported.

This module imports pydantic but not torch, so that an error in a config is reported at once.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from glimpse.agents.recurrent_core_names import StepCoreName


class Options(BaseModel):
    """Base class of all options: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AgentOptions(Options):
    """Base class of an agent's options; each subclass narrows `name` to a `Literal` with a default."""

    name: str

    @property
    def title(self) -> str:
        """Name of the agent in tables and reports."""
        return self.name

    def check_task(self, task: Any) -> None:
        """Raise an `option_error` if the options do not fit those of the task."""

    def check_training(self, train: Any) -> None:
        """Raise an `option_error` if options of the training have no meaning for the agent, or do not fit it."""


def option_error(key: str, problem: str) -> PydanticCustomError:
    """Return the error of one key of a section that does not fit another section, to be raised."""
    return PydanticCustomError("sections", "{problem}", {"problem": problem, "key": key})


def check_label_smoothing(smoothing: float, task: Any) -> None:
    """Raise an `option_error` if labels would be smoothed that are scores."""
    if smoothing and getattr(task, "labels", "classes") == "scores":
        raise option_error("label_smoothing", f"should be 0 because task.labels is 'scores' (got {smoothing})")


def check_copies(baseline: str, train: Any) -> None:
    """Raise an `option_error` if a baseline needs several rollouts of each example and there is only one."""
    if baseline in ("leave_one_out", "self_critical") and train.copies < 2:
        raise option_error(
            "copies", f"should be at least 2 because agent.baseline is {baseline!r} (got {train.copies})"
        )


def check_initial_path(path: tuple[tuple[float, float], ...] | None, glimpses: int) -> None:
    """Raise an `option_error` unless an initial path has a location for each glimpse after the first."""
    if path is not None and len(path) != glimpses - 1:
        problem = (
            f"should name the locations of glimpses 2 to {glimpses}, {glimpses - 1} in all "
            f"because task.glimpses is {glimpses} (got {len(path)})"
        )
        raise option_error("initial_path", problem)


Width = Annotated[int, Field(ge=1, le=65_536)]
"""Units of a layer."""
Coordinate = Annotated[float, Field(ge=-1, le=1)]
InitialPath = Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(max_length=1000)]
"""Locations (x, y) in [-1, 1] x [-1, 1], one for each glimpse after the first."""


class SigmaOptions(Options):
    """Options of the standard deviation of sampled locations, in units of half the image's side."""

    start: float = Field(0.1, gt=0, le=2, description="At the start of training.")
    end: float = Field(0.05, gt=0, le=2, description="At the end of training.")
    schedule: Literal["linear", "geometric", "learned"] = Field(
        "linear",
        description="From start to end linearly or geometrically; or learned, with start as its initial value.",
    )


class StopOptions(Options):
    """Options of the stop policy, for tasks that allow stopping."""

    width: int = Field(128, ge=1, le=65_536, description="Units of the hidden layer.")
    start: float = Field(2.0, gt=0, le=20, description="Bound of the logit's absolute value at the start of training.")
    end: float = Field(6.0, gt=0, le=20, description="Bound of the logit's absolute value at the end of training.")


class NetworkOptions(AgentOptions):
    """Options of recurrent attention's networks: glimpse network and recurrent core."""

    glimpse_width: int = Field(
        128, ge=1, le=65_536, description="Units of the layer that sees the patches (h_g in the paper)."
    )
    location_width: int = Field(128, ge=1, le=65_536, description="Units of the layer that sees the location (h_l).")
    feature_width: int = Field(256, ge=1, le=65_536, description="Units of the glimpse feature g.")
    memory_width: int = Field(256, ge=1, le=65_536, description="Units D of the recurrent core.")
    recurrent_core: StepCoreName = Field("rnn", description="The paper's ReLU RNN, an LSTM, or a GRU.")


class RecurrentOptions(NetworkOptions):
    """Options that RAM and its controls share: networks and classification loss."""

    classification: Literal["final", "every_step"] = Field(
        "final", description="Cross-entropy at the last step only, or averaged over all steps."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")

    def check_task(self, task: Any) -> None:
        """Check that labels can be smoothed."""
        super().check_task(task)
        check_label_smoothing(self.label_smoothing, task)


class ReinforceOptions(RecurrentOptions):
    """Options of REINFORCE: which return, and which baseline is subtracted."""

    policy_reward: Literal["correct", "probability"] = Field(
        "correct",
        description="REINFORCE's reward: the environment's (correct), or the probability of the right class; of "
        "several labels the mean probability of the right decision about each. Scores have no probability.",
    )
    baseline: Literal["none", "learned", "moving_average", "leave_one_out", "self_critical"] = Field(
        "learned", description="Baseline subtracted from the return. The last two need train.copies of 2 or more."
    )
    policy_weight: float = Field(1.0, ge=0, le=1e6, description="Weight of the policy-gradient loss.")

    def check_task(self, task: Any) -> None:
        """Check that the policy reward `probability` is used only where a right answer at the end is rewarded."""
        super().check_task(task)
        if self.policy_reward == "probability" and getattr(task, "reward", "end") not in ("end", "answer"):
            problem = f"should be 'correct' because task.reward is {task.reward!r} (got 'probability')"
            raise option_error("policy_reward", problem)
        if self.policy_reward == "probability" and getattr(task, "labels", "classes") == "scores":
            raise option_error(
                "policy_reward", "should be 'correct' because task.labels is 'scores' (got 'probability')"
            )

    def check_training(self, train: Any) -> None:
        """Check that there are enough rollouts of each example for the baseline."""
        super().check_training(train)
        check_copies(self.baseline, train)
