"""What a report tells of a run: what the run wrote, and what its agent does on the validation split.

The test set is for measuring only, so none of its images is shown.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glimpse.charts import Chart, Series, Tone
from glimpse.diagnostics import Gaze, is_glimpsed
from glimpse.durable import reporting_read_errors
from glimpse.errors import UserError
from glimpse.evaluate import TrainedRun
from glimpse.heat_maps import HeatMap, heat_maps
from glimpse.replay import Replay, Survey, evenly, replay, survey
from glimpse.run_folder import Value, read_metrics
from glimpse.scores import Score, Scores

_MOST_PLAYED = 10_000
_ANIMATED = 4
_MISTAKES = 12
_CLASSES = 20
_TITLES = {
    "validation_error": "Validation error, %",
    "loss": "Loss, the sum",
    "cross_entropy": "Cross-entropy",
    "policy": "Policy-gradient term",
    "baseline": "Baseline's squared error",
    "return": "Return",
    "reward": "Reward",
    "accuracy": "Accuracy on training batches",
    "looks_clamped": "Looks clamped at the border, share",
    "looks_at_border": "Looks at the border, share",
    "looks_entropy": "Entropy of places, bits",
    "looks_entropy_by_step": "Entropy of places at each look, bits",
    "looks_variation": "Variation of places between images",
    "learning_rate": "Learning rate",
}
_NOT_CURVES = ("step", "seconds")


@dataclass(frozen=True)
class Evaluation:
    """What `glimpse evaluate` measured on a split: the agent's scores first, then those with other eyes."""

    split: str
    step: int
    scores: dict[str, Scores]


@dataclass(frozen=True)
class Contents:
    """Everything that the page tells.

    run: the run's folder, as it was given.
    trained: its config, agent and validation world.
    evaluations: the test set's first.
    metrics: the rows of metrics.jsonl.
    found: greedy episodes on the validation split.
    shown: some of them, evenly spread over the split.
    mistakes: wrong answers, the most confident first.
    heat: where the gaze fell, by class.
    """

    run: Path
    trained: TrainedRun
    evaluations: list[Evaluation]
    metrics: list[dict[str, Value]]
    found: Survey
    shown: list[Replay]
    mistakes: list[Replay]
    heat: list[HeatMap]

    @property
    def shows(self) -> str:
        """What an episode is about, in the plural."""
        return "images" if self.trained.world.classes else "episodes"

    @property
    def looks_around(self) -> bool:
        """Whether there is a path of the gaze to show: not where all is seen and the gaze rests."""
        return is_glimpsed(self.trained.world) or bool(np.ptp(self.found.place, axis=0).max() > 1e-6)

    @property
    def typed(self) -> str:
        """The run's folder, as it is typed in a shell."""
        return shlex.quote(str(self.run))

    @property
    def animated(self) -> list[Replay]:
        """The episodes that are shown glimpse by glimpse."""
        return self.shown[:: -(-len(self.shown) // _ANIMATED)]


def gather(run: Path, trained: TrainedRun, episodes: int) -> Contents:
    """Read what the run wrote and play its agent on the validation split."""
    world, agent = trained.world, trained.agent
    evaluations = read_evaluations(trained.folder.evaluation_path)
    metrics = read_metrics(trained.folder.metrics_path)
    options = trained.experiment.evaluate
    found = survey(agent, world, evenly(world.examples, _MOST_PLAYED), options)
    shown = replay(agent, world, evenly(world.examples, episodes), options)
    surest = sorted(found.wrong.nonzero()[0].tolist(), key=lambda number: -found.confidence[number])
    mistakes = replay(agent, world, found.example[surest[:_MISTAKES]].tolist(), options)
    # A batch of another size may round otherwise, which turns an answer that hung by a hair.
    mistakes = [episode for episode in mistakes if not episode.right]
    heat = heat_maps(found, world, options, _CLASSES)
    return Contents(run, trained, evaluations, metrics, found, shown, mistakes, heat)


def read_evaluations(path: Path) -> list[Evaluation]:
    """What is in a run's evaluation.json, the test set's first; nothing where the file is missing.

    Raises:
        UserError: if it cannot be read or is not what `glimpse evaluate` writes.
    """
    with reporting_read_errors(path):
        text = path.read_bytes() if path.exists() else b"{}"
    try:
        known = {**json.loads(text)}
        return [_evaluation(split, known[split]) for split in ("test", "validation") if split in known]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{path} is not what glimpse evaluate writes. Remove it and measure again: glimpse evaluate {path.parent}"
        ) from None


def _evaluation(split: str, record: dict[str, Any]) -> Evaluation:
    """One split's record."""
    kinds = ("greedy", "sampled", "averaged")
    scores = {}
    for name, given in record["scores"].items():
        gaze = Gaze(**given["gaze"]) if given.get("gaze") else None
        scores[name] = Scores(**{**given, **{kind: Score(**given[kind]) for kind in kinds}, "gaze": gaze})
    return Evaluation(split, int(record["step"]), scores)


def glimpse_chart(contents: Contents) -> Chart:
    """Error after each number of glimpses: as evaluated, or else of the greedy validation episodes."""
    if not contents.evaluations:
        line = _by_glimpse("greedy", contents.found.error_after_glimpse(), "agent")
        return Chart("Validation error after each glimpse, %", "glimpses", (line,), ratio=True)
    measured = contents.evaluations[0]
    (_, agent), *controls = measured.scores.items()
    lines = (
        _by_glimpse(f"mean of {agent.copies}", agent.averaged.after_glimpse, "averaged"),
        _by_glimpse("greedy", agent.greedy.after_glimpse, "agent"),
        _by_glimpse("one sample", agent.sampled.after_glimpse, "sampled"),
        *(_by_glimpse(name, control.averaged.after_glimpse, "control") for name, control in controls),
    )
    return Chart(f"{measured.split.capitalize()} error after each glimpse, %", "glimpses", lines, ratio=True)


def _by_glimpse(name: str, errors: list[float], tone: Tone) -> Series:
    return Series(name, tuple(enumerate(errors, start=1)), tone)


def training_charts(rows: list[dict[str, Value]]) -> list[Chart]:
    """A chart for each number that was logged, those that matter most first."""
    logged = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in _TITLES if name in logged]
    names += [name for name in logged if name not in _TITLES and name not in _NOT_CURVES]
    charts = [_training_chart(name, rows) for name in names]
    return [chart for chart in charts if chart.series[0].points]


def _training_chart(name: str, rows: list[dict[str, Value]]) -> Chart:
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    return Chart(title, "steps", (Series(name, _points(name, rows)),), ratio="error" in name)


def _points(name: str, rows: list[dict[str, Value]]) -> tuple[tuple[float, float | None], ...]:
    """(step, value) of the rows that have a number, or null for one that was not finite, under this name."""
    found = ((row.get("step"), row[name]) for row in rows if name in row)
    return tuple((step, value) for step, value in found if isinstance(step, int) and not isinstance(value, str))
