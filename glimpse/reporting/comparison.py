"""Comparison of runs from what is in their folders: configs, metrics, paired tests, and learning curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse.config.differences import leaves, typed_value
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.evaluation.paired_tests import IncomparableError, PairedTest, paired_tests
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.metric_names import BEST_ERROR, SECONDS, STEP, VALIDATION, read_run_metrics
from glimpse.runs.metrics_log import Value
from glimpse.runs.predictions_file import read_predictions
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.run_source import run_with_results

_MOST = 26
_DIFFER = "they were measured on different examples"
_NOT_CURVES = (STEP, BEST_ERROR, SECONDS)


@dataclass(frozen=True)
class ComparedRun:
    """A run: the letter and the source that it is called by, its folder, config, evaluations, and rows of metrics."""

    letter: str
    source: str
    folder: Path
    experiment: Experiment
    evaluations: dict[str, dict[str, Any]]
    rows: list[dict[str, Value]]

    @property
    def is_sampled(self) -> bool:
        """True if greedy and sampled episodes differ in an evaluation."""
        own = [next(iter(one["scores"].values())) for one in self.evaluations.values() if one.get("scores")]
        return any(scores.get("greedy") != scores.get("averaged") for scores in own)

    def mode(self, measured: str) -> str:
        """Return how the answers of an evaluation came about: `M = 10`; "" where in one way, or where unknown."""
        record = self.evaluations.get(measured, {})
        scores = record.get("scores")
        if not scores or not self.is_sampled:
            return ""
        return f"M = {next(iter(scores.values()))['copies'] if record.get('answers') else 1}"

    @property
    def is_rewarded(self) -> bool:
        """True if episodes succeed or fail, as an evaluation shows, instead of having an answer."""
        return any(one.get("answers") == 0 and "scores" in one for one in self.evaluations.values())


@dataclass(frozen=True)
class PairOfRuns:
    """Paired tests of two runs, by their letters, on what an evaluation measured; or why there are none."""

    first: str
    second: str
    measured: str
    tests: list[PairedTest]
    refused: str = ""


@dataclass(frozen=True)
class Comparison:
    """What differs between runs.

    runs: the runs.
    differences: values of the config's keys that differ, for each run; "" where it has no such key.
    metrics: metrics by the name of the evaluation and their own, for each run; None where it has none.
    pairs: paired tests of each run with the first one.
    curves: points (step, value) of each logged metric that two runs have, for each run.
    """

    runs: list[ComparedRun]
    differences: dict[str, list[str]]
    metrics: dict[str, dict[str, list[float | None]]]
    pairs: list[PairOfRuns]
    curves: dict[str, list[list[tuple[int, float]]]]

    def copies_of(self, curve: str) -> int:
        """Return the number M of episodes that validation averages; 0 where it differs, or nothing is sampled.

        `curve` is a key of `curves`: the number is that of the runs that have this metric.
        """
        runs = [run for run, points in zip(self.runs, self.curves[curve], strict=True) if points]
        found = {1 if run.is_rewarded else run.experiment.evaluate.copies for run in runs}
        return found.pop() if len(found) == 1 and any(run.is_sampled for run in runs) else 0


def compare_runs(folders: Sequence[Path]) -> Comparison:
    """Compare two runs or more; none of their data are read.

    Raises:
        UserError: if there are fewer, one is named twice, or a file of a run is damaged.
    """
    if not 2 <= len(folders) <= _MOST:
        raise UserError(f"compare takes 2 to {_MOST} runs (got {len(folders)}): glimpse compare RUN RUN")
    if twice := [one for at, one in enumerate(folders) if one.resolve() in [other.resolve() for other in folders[:at]]]:
        raise UserError(f"{twice[0]} is named twice: a run is compared with others")
    runs = [_read_run(folder, chr(ord("A") + at)) for at, folder in enumerate(folders)]
    measured = _measured(runs)
    pairs = [_pair(runs[0], other, name) for name in measured for other in runs[1:]]
    return Comparison(runs, _differences(runs), {name: _metrics(runs, name) for name in measured}, pairs, _curves(runs))


def _read_run(path: Path, letter: str) -> ComparedRun:
    """Read the files of a run."""
    folder = RunFolder.open(run_with_results(path))
    experiment, known = load_experiment(folder.config_path), read_evaluation_file(folder.evaluation_path)
    return ComparedRun(letter, str(path), folder.path, experiment, known, read_run_metrics(folder))


def _measured(runs: Sequence[ComparedRun]) -> list[str]:
    """Return the names of evaluations that two runs have or more, the test set first."""
    names = dict.fromkeys(name for run in runs for name in run.evaluations)
    shared = [name for name in names if sum(name in run.evaluations for run in runs) > 1]
    return sorted(shared, key=("test", "validation", *shared).index)


def _differences(runs: Sequence[ComparedRun]) -> dict[str, list[str]]:
    """Return the values of the keys of the config that differ."""
    values = [leaves(run.experiment.model_dump(mode="json")) for run in runs]
    keys = sorted(set().union(*values))
    written = {key: [typed_value(each[key]) if key in each else "" for each in values] for key in keys}
    return {key: row for key, row in written.items() if len(set(row)) > 1}


def _metrics(runs: Sequence[ComparedRun], name: str) -> dict[str, list[float | None]]:
    """Return the metrics of an evaluation."""
    each = [_metrics_of(run, run.evaluations[name]) if name in run.evaluations else {} for run in runs]
    keys = dict.fromkeys(key for one in each for key in one)
    return {key: [one.get(key) for one in each] for key in keys}


def _metrics_of(run: ComparedRun, record: dict[str, Any]) -> dict[str, float]:
    """Return the metrics of a record by name."""
    try:
        found = evaluator_of(run.experiment).measures(record)
        classes = record.get("class_measures") or {}
        further = {key: classes[key] for key in ("macro_f1", "calibration_error") if key in classes}
        further |= record.get("score_measures") or {}
        labels = record.get("label_measures") or {}
        further |= {key: labels[key] for key in ("exact_match", "label_accuracy", "micro_f1", "macro_f1") if labels}
        numbers = {key.removeprefix("test_"): float(value) for key, value in (found | further).items()}
        return {key: value for key, value in numbers.items() if math.isfinite(value)}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise not_an_evaluation(run.folder / "evaluation.json") from None


def _pair(first: ComparedRun, second: ComparedRun, name: str) -> PairOfRuns:
    """Test the difference of two runs on one evaluation, unless their examples differ."""
    columns, examples = [], []
    for run in (first, second):
        record = run.evaluations.get(name, {})
        found = read_predictions(run.folder, record)
        if found is None:
            again = f"{run.letter} keeps no predictions of it: glimpse evaluate {run.source}"
            return PairOfRuns(first.letter, second.letter, name, [], again)
        columns.append(found)
        examples.append(record["predictions"].get("examples_sha256"))
    if not all(examples) or examples[0] != examples[1]:
        unknown = "their environment does not tell whether their data are the same (it has no `shown_examples`)"
        return PairOfRuns(first.letter, second.letter, name, [], _DIFFER if all(examples) else unknown)
    try:
        return PairOfRuns(first.letter, second.letter, name, paired_tests(columns[0], columns[1]))
    except IncomparableError as reason:
        return PairOfRuns(first.letter, second.letter, name, [], str(reason))


def _curves(runs: Sequence[ComparedRun]) -> dict[str, list[list[tuple[int, float]]]]:
    """Return the logged metrics that two runs have or more, those of validation first."""
    names = dict.fromkeys(name for run in runs for row in run.rows for name in row if name not in _NOT_CURVES)
    lines = {name: [_points(run.rows, name) for run in runs] for name in names}
    shared = {name: each for name, each in lines.items() if sum(map(bool, each)) > 1}
    return dict(sorted(shared.items(), key=lambda item: not item[0].startswith(VALIDATION)))


def _points(rows: Sequence[dict[str, Value]], name: str) -> list[tuple[int, float]]:
    """Return the steps and finite values of a metric."""
    found = [(int(row["step"] or 0), row[name]) for row in rows if name in row]
    numbers = [(step, float(value)) for step, value in found if isinstance(value, int | float)]
    return [(step, value) for step, value in numbers if math.isfinite(value)]
