"""The numbers that a table shows of a run: from its record on the test set, and from how it was trained."""

from typing import Any, NamedTuple, cast

import torch

from glimpse.agents.encoders.options import MaxOptions
from glimpse.config.experiment import Experiment
from glimpse.envs.text.whole_text import Reading
from glimpse.evaluation.episode_evaluator import own_scores
from glimpse.evaluation.evaluator import judge_of
from glimpse.reproduction.tables import Table
from glimpse.runs.build import make_world

_OF_REASONS = (
    "average_precision",
    "sufficiency",
    "comprehensiveness",
    "sufficiency_area",
    "comprehensiveness_area",
)


class Result(NamedTuple):
    """A finished run: its config, its record on the test set, how many steps it has, and how long they took."""

    experiment: Experiment
    record: dict[str, Any]
    steps: int
    seconds: float


def measure_run(result: Result, table: Table) -> dict[str, float]:
    """The numbers of one run, by the names of their metrics: what it reached, what it chose, what it cost."""
    record = result.record
    measures = judge_of(result.experiment).measures(record)
    if table.reasons:
        answers = {name: value for name, value in measures.items() if name.startswith("test_accuracy")}
        measures = answers | _reasons(record["reasons"])
    if table.figure == "glimpses":
        measures["glimpses"] = own_scores(record)["glimpses"]
    if table.figure == "rates" and not table.pace:
        measures |= _attended(result.experiment, own_scores(record))
    measures |= {cost: record[cost] for cost in table.costs}
    if table.updates:
        measures["updates"] = result.steps
    if table.pace:
        scores = own_scores(record)
        measures["texts_per_second"] = scores["greedy"]["episodes"] / scores["seconds"]
    return measures | (_speed(result) if table.speed else {})


def is_whole(record: dict[str, Any], table: Table) -> bool:
    """Whether a record of the test set has all that the table asks for: those of older versions may not."""
    parts = [*table.costs, *(["reasons"] if table.reasons else [])]
    return all(part in record for part in parts) and (not table.pace or "seconds" in own_scores(record))


def _attended(experiment: Experiment, scores: dict[str, Any]) -> dict[str, float]:
    """The share of words that have a weight, in percent, of an agent that chooses none; maxima compare all words."""
    pooling = getattr(getattr(experiment.agent, "encoder", None), "pooling", None)
    chooses = scores.get("kept") or isinstance(pooling, MaxOptions)
    known = scores.get("attended") is not None and not chooses
    return {"test_attended": 100 * scores["attended"]} if known else {}


def _reasons(measured: dict[str, Any]) -> dict[str, float]:
    """What was named as reasons, and what it is worth to the answer, in percent and percentage points."""
    choice = measured["choice"]
    shown = {
        "named": choice["share"],
        "named_f1": choice["f1"],
        **{f"{control}_f1": measured[control]["f1"] for control in ("random", "first", "top")},
        "spans_f1": choice["spans_f1"],
        **{name: measured[name] for name in _OF_REASONS},
    }
    return {f"test_{name}": 100 * value for name, value in shown.items()}


def _speed(result: Result) -> dict[str, float]:
    """How fast a run learned: seconds of an epoch, validation included, and words of its training texts a second."""
    world, experiment = make_world(result.experiment, "train", torch.device("cpu")), result.experiment
    epochs = result.steps * experiment.train.batch / world.examples
    return {
        "epoch_seconds": result.seconds / epochs,
        "words_per_second": cast(Reading, world).words_in_all * epochs / result.seconds,
    }
