"""Files that a run has written, read for its report: evaluations and logged metrics."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from glimpse.evaluation.class_measures import ClassMeasures, ScoreMeasures
from glimpse.evaluation.label_measures import LabelMeasures
from glimpse.evaluation.scores import Scores
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.metric_names import BEST_ERROR, SECONDS, STEP, VALIDATION, plain_name, read_run_metrics
from glimpse.runs.metrics_log import Value
from glimpse.runs.trained_run import BEST, TrainedRun

_TITLES = {
    "val/error": "Validation error, %",
    "val/pearson": "Validation, Pearson's r",
    "val/spearman": "Validation, Spearman's rho",
    "val/squared_error": "Validation, squared error",
    "val/micro_f1": "Validation, micro F1",
    "val/macro_f1": "Validation, macro F1",
    "train/loss": "Loss, total",
    "train/cross_entropy": "Cross-entropy",
    "train/policy_loss": "Policy loss",
    "train/value_loss": "Value loss",
    "train/return": "Return",
    "train/reward": "Reward",
    "train/accuracy": "Accuracy on training batches",
    "train/label_accuracy": "Labels rightly given or left out, on training batches",
    "train/keep_rate": "Keep rate",
    "val/locations_clamped": "Locations clamped at the border, share",
    "val/locations_at_border": "Locations at the border, share",
    "val/locations_entropy": "Entropy of locations, bits",
    "val/locations_entropy_by_step": "Entropy of locations at each step, bits",
    "val/locations_variation": "Variation of locations between images",
    "train/grad_norm": "Norm of the gradient before clipping",
    "train/learning_rate": "Learning rate",
    "speed/steps_per_second": "Steps per second",
}
"""Titles of metrics; those of errors are of all numbers of rollouts (`val/error_m10`)."""
_NOT_CURVES = (STEP, BEST_ERROR, SECONDS)


@dataclass(frozen=True)
class Evaluation:
    """Evaluation on a split, as `glimpse evaluate` wrote it.

    split: name of the split, or of the split of other data.
    step: training step of the weights.
    scores: the agent's scores first, then those of the same weights with other locations, by name.
    weights: which weights were measured, in words.
    class_measures, score_measures, label_measures: further measures of answers that name classes, are scores, or give
        several labels.
    """

    split: str
    step: int
    scores: dict[str, Scores]
    weights: str = BEST
    class_measures: ClassMeasures | None = None
    score_measures: ScoreMeasures | None = None
    label_measures: LabelMeasures | None = None

    @property
    def title(self) -> str:
        """Name of the split, with a capital letter."""
        return self.split[:1].upper() + self.split[1:]


_EVALUATION = TypeAdapter(Evaluation)


@dataclass(frozen=True)
class RunRecord:
    """A run and the files that it has written.

    run: the run's folder, as the user gave it.
    trained: its config, agent and validation environment.
    evaluations: its evaluations, that on the test set first.
    metrics: rows of metrics.jsonl.
    """

    run: Path
    trained: TrainedRun
    evaluations: list[Evaluation]
    metrics: list[dict[str, Value]]

    @property
    def typed(self) -> str:
        """The run's folder, quoted for a shell."""
        return shlex.quote(str(self.run))


def read_record(run: Path, trained: TrainedRun) -> RunRecord:
    """Read the files that a run has written.

    Raises:
        UserError: if a file cannot be read or was not written by glimpse.
    """
    folder = trained.folder
    return RunRecord(run, trained, read_evaluations(folder.evaluation_path), read_run_metrics(folder))


def read_evaluations(path: Path) -> list[Evaluation]:
    """Read the evaluations in a run's evaluation.json, those on the test and validation set first.

    There are none if the file is missing.

    Raises:
        UserError: if the file cannot be read or was not written by `glimpse evaluate`.
    """
    known = read_evaluation_file(path)
    try:
        # Evaluations of translations have other fields, and are read by `translation_report`.
        named = sorted(known, key=("test", "validation", *known).index)
        splits = [split for split in named if "by_length" not in known[split]]
        return [_evaluation(split, known[split]) for split in splits]
    except (ValueError, KeyError, TypeError):
        raise not_an_evaluation(path) from None


def _evaluation(split: str, record: dict[str, Any]) -> Evaluation:
    """Build an `Evaluation` from a split's part of evaluation.json."""
    return _EVALUATION.validate_python({**record, "split": split})


def training_charts(rows: list[dict[str, Value]], titles: Mapping[str, str] | None = None) -> list[Chart]:
    """Return a chart for each logged metric, the most important first.

    Where scores are predicted, the error 100 (1 - r) is left out: it repeats Pearson's r.

    Args:
        rows: rows of metrics.jsonl, by their present names.
        titles: titles by metric that replace or extend the default ones.
    """
    known = {**_TITLES, **(titles or {})}
    order = {name: at for at, name in enumerate(known)}
    logged = dict.fromkeys(name for row in rows for name in row if name not in _NOT_CURVES)
    if "val/pearson" in logged:
        logged = {name: None for name in logged if _of_any_rollouts(name) != "val/error"}
    names = sorted(logged, key=lambda name: order.get(_of_any_rollouts(name), len(order)))
    charts = [_training_chart(name, metric_title(name, known), rows) for name in names]
    return [chart for chart in charts if chart.series[0].points]


def metric_title(name: str, titles: Mapping[str, str] = _TITLES) -> str:
    """Return the title of a metric in words; one that has none is called by its name."""
    words = plain_name(name).replace("_", " ")
    words = f"validation {words}" if name.startswith(VALIDATION) else words
    return titles.get(_of_any_rollouts(name), words[:1].upper() + words[1:])


def _of_any_rollouts(name: str) -> str:
    """Return a metric's name without its number of rollouts: `val/error` of `val/error_m10`."""
    return re.sub(r"_m\d+$", "", name)


def _training_chart(name: str, title: str, rows: list[dict[str, Value]]) -> Chart:
    """Return the chart of one metric; errors may have a logarithmic axis."""
    return Chart(title, "steps", (Series(name, _points(name, rows)),), ratio="error" in name)


def _points(name: str, rows: list[dict[str, Value]]) -> tuple[tuple[float, float | None], ...]:
    """Return (step, value) of the rows that have this metric; the value is None where it was not finite."""
    found = ((row.get("step"), row[name]) for row in rows if name in row)
    return tuple((step, value) for step, value in found if isinstance(step, int) and not isinstance(value, str))
