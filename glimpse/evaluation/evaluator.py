"""Base class of evaluators: how a family of environments is validated, evaluated and shown in tables."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.families import family_of, family_part
from glimpse.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class ValidationResult:
    """Result of an evaluation on validation data during training.

    error: the number that the best weights are chosen by; lower is better.
    figures: metrics by their names in the log's group `val/`; the progress line shows one of `Evaluator.headline`.
    warnings: warnings for the user; each is printed once in a run.
    later: whether the later of two equal errors is better.
    provisional: whether the weights miss a target, such as a keep rate. Such weights are the best only until others
        reach the target.
    """

    error: float
    figures: dict[str, float]
    warnings: list[str] = field(default_factory=list)
    later: bool = False
    provisional: bool = False


class MainMeasure(NamedTuple):
    """The measure that a run is known by: its name and unit, its value on a split, and its 95 % interval.

    how: how the agent acted, where the name does not say it: `deterministic` where it samples nothing.
    """

    name: str
    value: float
    low: float
    high: float
    how: str = ""


class Evaluator(ABC):
    """Evaluator of a family of environments.

    headline: names of metrics for the progress line; it shows the first one that a validation result has.
    options_used: the options of an evaluation that have an effect.
    """

    headline: tuple[str, ...]
    options_used = frozenset({"copies", "batch", "keep_rate"})

    def __init__(self, experiment: Experiment) -> None:
        """Make the evaluator of an experiment's runs."""
        self.experiment = experiment

    @abstractmethod
    def validate(self, agent: Any, env: Any, options: EvaluateOptions) -> ValidationResult:
        """Evaluate the agent on validation data during training."""

    @abstractmethod
    def describe(self, error: float, env: Any) -> str:
        """Describe the error of a validation result in words."""

    def averaged_over(self, agent: Any, env: Any) -> str:
        """Say over how many episodes of each example a validation result is averaged; nothing where it is not."""
        return ""

    @abstractmethod
    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Measure a run on what its environment shows, print the results, and return them as a record.

        `split` is the name of what is shown, for titles: a split, or a split of other data. The record's entry
        `predictions`, if it has one, holds an array of each example's results by name, which are kept in a file.
        """

    @abstractmethod
    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Return whether a record was measured with the experiment's settings."""

    @abstractmethod
    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the metrics of a record by their names in result tables."""

    @abstractmethod
    def main_measure(self, record: dict[str, Any]) -> MainMeasure:
        """Return the measure of a record that the run is known by, with its interval."""

    def attended_share(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the share of words that attention weighs, in percent, as `test_attended`; nothing without any."""
        return {}


def evaluator_of(experiment: Experiment) -> Evaluator:
    """Make the evaluator of an experiment, which depends on the family of its task."""
    evaluator: Evaluator = family_part(family_of(experiment.task.name).evaluator)(experiment)
    return evaluator
