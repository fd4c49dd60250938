"""How a kind of world is judged: what weights are chosen by, what is printed and kept, and what tables are made of.

A world whose episodes are played is judged by the share of wrong answers, of correlations or of missed rewards
(`episode_judge.py`); translations are judged by what they say (`translation/judge.py`),
and when they say it (`translation/interpretation.py`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from glimpse.agents.agent import Agent
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs import WORLDS
from glimpse.envs.lanes import JudgedCore
from glimpse.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class Verdict:
    """What validation data say of weights.

    error: what the best are chosen by; the less, the better.
    figures: numbers for the log, by name; those of `Judge.headline` are shown while one waits.
    warnings: what is wrong, each once in a run.
    later: whether of equal errors the later one is better.
    provisional: whether the weights do not yet do what was asked for: they count only until others do.
    """

    error: float
    figures: dict[str, float]
    warnings: list[str] = field(default_factory=list)
    later: bool = False
    provisional: bool = False


class Judge(ABC):
    """How a world is judged.

    headline: the figures of which one is shown while one waits: the first that there is.
    asks: the options of an evaluation that it heeds.
    """

    headline: tuple[str, ...]
    asks = frozenset({"copies", "batch", "share"})

    @abstractmethod
    def validate(self, agent: Agent, world: JudgedCore, options: EvaluateOptions) -> Verdict:
        """Judge weights on validation data while they are trained."""

    @abstractmethod
    def describe(self, error: float, world: JudgedCore) -> str:
        """A verdict's error in words."""

    @abstractmethod
    def evaluate(self, trained: TrainedRun, split: str, options: EvaluateOptions) -> dict[str, Any]:
        """Measure a run on the split that its world shows, print what was found, and give what is kept of it."""

    @abstractmethod
    def fits(self, record: dict[str, Any], experiment: Experiment) -> bool:
        """Whether what was kept was measured as the experiment says."""

    @abstractmethod
    def measures(self, record: dict[str, Any]) -> dict[str, float]:
        """The numbers of what was kept, by the names of a table's metrics."""


def judge_of(experiment: Experiment) -> Judge:
    """The judge of an experiment's kind of world."""
    kind = WORLDS[experiment.task.name].kind
    if kind == "translation":
        from glimpse.evaluation.translation_evaluator import TranslationJudge

        return TranslationJudge(experiment.evaluate.choose_by)
    if kind == "interpretation":
        from glimpse.evaluation.simultaneous_evaluator import InterpretationJudge

        return InterpretationJudge()
    from glimpse.evaluation.episode_evaluator import EpisodeJudge

    return EpisodeJudge(kind)
