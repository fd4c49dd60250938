"""What every report tells of a run: what the run wrote."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse.errors import UserError
from glimpse.evaluation.diagnostics import Gaze
from glimpse.evaluation.scores import Score, Scores
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.runs.durable import reporting_read_errors
from glimpse.runs.run_folder import Value, read_metrics
from glimpse.runs.trained_run import TrainedRun

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
class Record:
    """What the run wrote.

    run: the run's folder, as it was given.
    trained: its config, agent and validation world.
    evaluations: the test set's first.
    metrics: the rows of metrics.jsonl.
    """

    run: Path
    trained: TrainedRun
    evaluations: list[Evaluation]
    metrics: list[dict[str, Value]]

    @property
    def typed(self) -> str:
        """The run's folder, as it is typed in a shell."""
        return shlex.quote(str(self.run))


def read_record(run: Path, trained: TrainedRun) -> Record:
    """Read what the run wrote.

    Raises:
        UserError: if a file of it cannot be read or is not what glimpse writes.
    """
    folder = trained.folder
    return Record(run, trained, read_evaluations(folder.evaluation_path), read_metrics(folder.metrics_path))


def read_evaluations(path: Path) -> list[Evaluation]:
    """What is in a run's evaluation.json, the test set's first; nothing where the file is missing.

    Raises:
        UserError: if it cannot be read or is not what `glimpse evaluate` writes.
    """
    with reporting_read_errors(path):
        text = path.read_bytes() if path.exists() else b"{}"
    try:
        known = {**json.loads(text)}
        # Translations are no episodes: their report reads what was measured of them itself.
        splits = [split for split in ("test", "validation") if split in known and "by_length" not in known[split]]
        return [_evaluation(split, known[split]) for split in splits]
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


def training_charts(rows: list[dict[str, Value]], titles: Mapping[str, str] | None = None) -> list[Chart]:
    """A chart for each number that was logged, those that matter most first; `titles` replace the usual ones."""
    known = {**_TITLES, **(titles or {})}
    logged = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in known if name in logged]
    names += [name for name in logged if name not in known and name not in _NOT_CURVES]
    charts = [_training_chart(name, known.get(name, name.replace("_", " ").capitalize()), rows) for name in names]
    return [chart for chart in charts if chart.series[0].points]


def _training_chart(name: str, title: str, rows: list[dict[str, Value]]) -> Chart:
    return Chart(title, "steps", (Series(name, _points(name, rows)),), ratio="error" in name)


def _points(name: str, rows: list[dict[str, Value]]) -> tuple[tuple[float, float | None], ...]:
    """(step, value) of the rows that have a number, or null for one that was not finite, under this name."""
    found = ((row.get("step"), row[name]) for row in rows if name in row)
    return tuple((step, value) for step, value in found if isinstance(step, int) and not isinstance(value, str))
