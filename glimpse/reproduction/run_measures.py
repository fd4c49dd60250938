"""Numbers that a table shows for a run: from its test set evaluation and from its training."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray

from glimpse.config.experiment import Experiment
from glimpse.evaluation.episode_evaluator import own_scores
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.evaluation.search_curve import curve_measures
from glimpse.reproduction.people_page import people_measures
from glimpse.reproduction.tables import Table
from glimpse.runs.build import make_split_env

_RATIONALE_METRICS = (
    "average_precision",
    "auprc",
    "sufficiency",
    "comprehensiveness",
    "sufficiency_area",
    "comprehensiveness_area",
)
_SHIFTED = ("test_accuracy", "test_opened_greedy", "test_found_greedy", "test_milliseconds")
"""Metrics of searches on other data."""


class Result(NamedTuple):
    """A finished run.

    experiment: its config.
    record: its evaluation on the test set, as in evaluation.json.
    steps: training steps.
    seconds: training time.
    shifted: evaluations on other test data, by the end of their metrics' names.
    columns: what it answered to each test example, as in `answered_examples.Columns`; None if it is not kept.
    """

    experiment: Experiment
    record: dict[str, Any]
    steps: int
    seconds: float
    shifted: dict[str, dict[str, Any]] = {}
    columns: Mapping[str, NDArray[Any]] | None = None

    @property
    def examples_digest(self) -> str:
        """Digest of the test examples; "" if it is not known."""
        kept = self.record.get("predictions")
        return str(kept.get("examples_sha256", "")) if isinstance(kept, dict) else ""


def measure_run(result: Result, table: Table) -> dict[str, float]:
    """Return the numbers of one run by metric: its scores, its keep rates and its costs."""
    record = result.record
    evaluator = evaluator_of(result.experiment)
    measures = evaluator.measures(record)
    if table.rationales:
        answers = {name: value for name, value in measures.items() if name.startswith("test_accuracy")}
        measures = answers | _rationale_measures(record["rationales"])
    if table.people:
        measures |= people_measures(record["people"])
    if table.figure == "search":
        measures = _search_measures(measures, record)
        for end, other in result.shifted.items():
            found = _search_measures(evaluator.measures(other), other)
            measures |= {f"{name}_{end}": found[name] for name in _SHIFTED}
    if table.figure == "glimpses":
        measures["glimpses"] = own_scores(record)["glimpses"]
    if table.figure == "keep_rates" and not table.pace:
        measures |= evaluator.attended_share(record)
    measures |= {cost: record[cost] for cost in table.costs}
    if table.whole:
        measures["seen"] = 100 * record["pixels"] / table.whole
    if table.updates:
        measures["updates"] = result.steps
    if table.pace:
        scores = own_scores(record)
        measures["texts_per_second"] = scores["greedy"]["episodes"] / scores["seconds"]
    return measures | (_speed(result) if table.speed else {})


def mean_after_looks(results: Sequence[Result]) -> list[list[float]]:
    """Return pixels seen and error in percent, of single sampled episodes, after each look: means over runs."""
    pixels = results[0].record["pixels_after_look"]
    errors = [own_scores(result.record)["sampled"]["after_glimpse"][-len(pixels) :] for result in results]
    return [[seen, round(mean(after), 4)] for seen, *after in zip(pixels, *errors, strict=True)]


def is_whole(record: dict[str, Any], table: Table) -> bool:
    """Return whether a test set record has all that the table shows; those of older versions may not."""
    parts = [*table.costs, *(["rationales"] if table.rationales else []), *(["people"] if table.people else [])]
    parts += ["pixels_after_look"] if table.figure == "looks" else []
    timed = table.pace or table.figure == "search"
    whole = all(part in record for part in parts) and (not timed or "seconds" in own_scores(record))
    return whole and (not table.rationales or all(name in record["rationales"] for name in _RATIONALE_METRICS))


def _search_measures(measures: dict[str, float], record: dict[str, Any]) -> dict[str, float]:
    """Return what greedy searches find and answer; an agent that learns no stop has no curve."""
    own = own_scores(record)
    first = {
        "test_accuracy": 100 - own["greedy"]["error"],
        "test_opened_greedy": own["search"]["opened"],
        "test_found_greedy": 100 * own["search"]["evidence_found"],
        "test_words_greedy": own["search"]["words_read"],
        "test_milliseconds": measures["test_milliseconds"],
    }
    curve = {f"test_{name}": value for name, value in curve_measures(record).items() if name != "accuracy_greedy"}
    return first | curve


def _rationale_measures(measured: dict[str, Any]) -> dict[str, float]:
    """Return agreement with human rationales, in percent, and faithfulness, in percentage points."""
    choice = measured["choice"]
    metrics = {
        "predicted_rate": choice["keep_rate"],
        "predicted_f1": choice["f1"],
        **{f"{control}_f1": measured[control]["f1"] for control in ("random", "first", "top")},
        "spans_f1": choice["spans_f1"],
        **{name: measured[name] for name in _RATIONALE_METRICS},
    }
    return {f"test_{name}": 100 * value for name, value in metrics.items()}


def _speed(result: Result) -> dict[str, float]:
    """Return the speed of training: seconds per epoch, validation included, and training words per second."""
    env, experiment = make_split_env(result.experiment, "train", torch.device("cpu")), result.experiment
    epochs = result.steps * experiment.train.batch / env.examples
    return {
        "epoch_seconds": result.seconds / epochs,
        "words_per_second": env.total_words * epochs / result.seconds,
    }
