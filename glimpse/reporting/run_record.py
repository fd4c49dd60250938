"""Files that a run has written, read for its report: evaluations and logged metrics."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from glimpse.envs.core import what_is_asked
from glimpse.evaluation.class_measures import ClassMeasures, ScoreMeasures
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.evaluation.label_measures import LabelMeasures
from glimpse.evaluation.rationale_scores import Faithfulness, RationaleScores
from glimpse.evaluation.scores import Scores
from glimpse.evaluation.search_curve import SearchCurve
from glimpse.reporting.drawing.charts import Chart, Series
from glimpse.reporting.measure_names import known_logged, log_name, of_any_copies
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.metric_names import BEST_ERROR, SECONDS, STEP, read_run_metrics
from glimpse.runs.metrics_log import Value
from glimpse.runs.trained_run import BEST, TrainedRun

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
    rationales: scores of the agent's rationales; None where the data have none to compare with.
    faithfulness: of the agent's own selection, where the data have no rationales to compare it with.
    search_curve: what is found in documents against what is opened; None where none are searched.
    """

    split: str
    step: int
    scores: dict[str, Scores]
    weights: str = BEST
    class_measures: ClassMeasures | None = None
    score_measures: ScoreMeasures | None = None
    label_measures: LabelMeasures | None = None
    rationales: RationaleScores | None = None
    faithfulness: Faithfulness | None = None
    search_curve: SearchCurve | None = None

    @property
    def own(self) -> Scores:
        """The scores of the agent itself, not of its weights with other locations."""
        return next(iter(self.scores.values()))

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
    metrics: rows of metrics.jsonl, by their present names.
    """

    run: Path
    trained: TrainedRun
    evaluations: list[Evaluation]
    metrics: list[dict[str, Value]]

    @property
    def typed(self) -> str:
        """The run's folder, quoted for a shell."""
        return shlex.quote(str(self.run))

    @property
    def copies(self) -> int:
        """Number M of sampled episodes whose mean answers in validation; 0 where nothing is sampled in it."""
        experiment, stochastic = self.trained.experiment, self.trained.agent.stochastic
        sampled = stochastic and "copies" in evaluator_of(experiment).options_used
        if not sampled:
            return 0
        return 1 if self.is_rewarded else experiment.evaluate.copies  # Rewards are not averaged as answers are.

    @property
    def is_rewarded(self) -> bool:
        """True if the agent is asked for no answer, so that episodes succeed or fail."""
        return what_is_asked(self.trained.env) == "reward"

    def of_these_weights(self, name: str) -> str:
        """Return the name of a number, with the step of the page's weights where others were evaluated."""
        others = any(one.split == "validation" for one in self.evaluations)
        return f"{name}, step {self.trained.step:,}" if others else name

    def measured_here(self, split: str = "validation") -> Evaluation | None:
        """Return the evaluation on a split of the weights that the report shows; None if there is none."""
        same = (one for one in self.evaluations if one.split == split and one.step == self.trained.step)
        return next((one for one in same if one.weights == self.trained.weights), None)


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
    rationales = record.get("rationales")
    # Versions before wrote fewer scores of rationales; what they lack is not shown.
    if isinstance(rationales, dict) and not {one.name for one in fields(RationaleScores)} <= rationales.keys():
        rationales = None
    return _EVALUATION.validate_python({**record, "split": split, "rationales": rationales})


def training_charts(record: RunRecord, left_out: Sequence[str] = ()) -> list[Chart]:
    """Return a chart for each logged metric, the most important first.

    Where scores are predicted, the error 100 (1 - r) is left out: it repeats Pearson's r.

    Args:
        record: the run.
        left_out: keys of metrics that mean nothing for its family.
    """
    logged = dict.fromkeys(key for row in record.metrics for key in row if key not in (*_NOT_CURVES, *left_out))
    if "val/pearson" in logged:
        logged = {key: None for key in logged if of_any_copies(key) != "val/error"}
    order = {key: at for at, key in enumerate(known_logged())}
    keys = sorted(logged, key=lambda key: order.get(of_any_copies(key), len(order)))
    charts = [_training_chart(key, log_name(key, record.copies, record.is_rewarded), record.metrics) for key in keys]
    return [chart for chart in charts if chart.series[0].points]


def _training_chart(key: str, title: str, rows: list[dict[str, Value]]) -> Chart:
    """Return the chart of one metric; errors may have a logarithmic axis."""
    return Chart(title, "training steps", (Series(title, _points(key, rows)),), ratio="error" in key)


def _points(name: str, rows: list[dict[str, Value]]) -> tuple[tuple[float, float | None], ...]:
    """Return (step, value) of the rows that have this metric; the value is None where it was not finite."""
    found = ((row.get("step"), row[name]) for row in rows if name in row)
    return tuple((step, value) for step, value in found if isinstance(step, int) and not isinstance(value, str))
