"""Files that a run has written, read for its report: evaluations and logged metrics."""

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
from glimpse.runs.metrics_log import Value, read_metrics
from glimpse.runs.trained_run import BEST, TrainedRun

_TITLES = {
    "validation_error": "Validation error, %",
    "validation_pearson": "Validation, Pearson's r",
    "validation_spearman": "Validation, Spearman's rho",
    "validation_squared_error": "Validation, squared error",
    "validation_micro_f1": "Validation, micro F1",
    "validation_macro_f1": "Validation, macro F1",
    "loss": "Loss, total",
    "cross_entropy": "Cross-entropy",
    "policy_loss": "Policy loss",
    "value_loss": "Value loss",
    "return": "Return",
    "reward": "Reward",
    "accuracy": "Accuracy on training batches",
    "label_accuracy": "Labels rightly given or left out, on training batches",
    "keep_rate": "Keep rate",
    "locations_clamped": "Locations clamped at the border, share",
    "locations_at_border": "Locations at the border, share",
    "locations_entropy": "Entropy of locations, bits",
    "locations_entropy_by_step": "Entropy of locations at each step, bits",
    "locations_variation": "Variation of locations between images",
    "learning_rate": "Learning rate",
}
_NOT_CURVES = ("step", "seconds")


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
    return RunRecord(run, trained, read_evaluations(folder.evaluation_path), read_metrics(folder.metrics_path))


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
        rows: rows of metrics.jsonl.
        titles: titles by metric that replace or extend the default ones.
    """
    known = {**_TITLES, **(titles or {})}
    logged = dict.fromkeys(name for row in rows for name in row)
    if "validation_pearson" in logged:
        logged.pop("validation_error", None)
    names = [name for name in known if name in logged]
    names += [name for name in logged if name not in known and name not in _NOT_CURVES]
    charts = [_training_chart(name, known.get(name, name.replace("_", " ").capitalize()), rows) for name in names]
    return [chart for chart in charts if chart.series[0].points]


def _training_chart(name: str, title: str, rows: list[dict[str, Value]]) -> Chart:
    """Return the chart of one metric; errors may have a logarithmic axis."""
    return Chart(title, "steps", (Series(name, _points(name, rows)),), ratio="error" in name)


def _points(name: str, rows: list[dict[str, Value]]) -> tuple[tuple[float, float | None], ...]:
    """Return (step, value) of the rows that have this metric; the value is None where it was not finite."""
    found = ((row.get("step"), row[name]) for row in rows if name in row)
    return tuple((step, value) for step, value in found if isinstance(step, int) and not isinstance(value, str))
