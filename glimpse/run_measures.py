"""The numbers that a table shows of a run: from its record on the test set, and from how it was trained."""

from typing import Any, NamedTuple, cast

import torch

from glimpse.build import make_world
from glimpse.config import Experiment
from glimpse.envs import WORLDS
from glimpse.envs.text.reading import Reading
from glimpse.tables import Table

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


def own_scores(record: dict[str, Any]) -> dict[str, Any]:
    """Those of the agent itself, not of its controls."""
    return dict(record["scores"][record["agent"]])


def measure_run(result: Result, table: Table) -> dict[str, float]:
    """The numbers of one run, by the names of their metrics."""
    scores = own_scores(result.record)
    measures = _test_measures(WORLDS[result.experiment.task.name].kind, scores)
    if table.figure == "glimpses":
        measures["glimpses"] = scores["glimpses"]
    if table.reasons:
        answers = {name: value for name, value in measures.items() if name.startswith("test_accuracy")}
        measures = answers | _reasons(result.record["reasons"])
    if table.figure == "rates" and scores.get("attended") is not None and not scores.get("kept"):
        measures["test_attended"] = 100 * scores["attended"]
    measures |= {cost: result.record[cost] for cost in table.costs}
    if table.pace:
        measures["texts_per_second"] = scores["greedy"]["episodes"] / scores["seconds"]
    return measures | (_speed(result) if table.speed else {})


def is_whole(record: dict[str, Any], table: Table) -> bool:
    """Whether a record of the test set has all that the table asks for: those of older versions may not."""
    parts = [*table.costs, *(["reasons"] if table.reasons else [])]
    return all(part in record for part in parts) and (not table.pace or "seconds" in own_scores(record))


def _test_measures(kind: str, scores: dict[str, Any]) -> dict[str, float]:
    """What an agent reached, as is usual for a kind of world."""
    errors = {way: scores[way]["error"] for way in ("averaged", "sampled", "greedy")}
    if kind == "catch":  # Nothing is believed there that could be averaged.
        return {"test_caught_m1": 100 - errors["sampled"], "test_caught_greedy": 100 - errors["greedy"]}
    if kind in ("text", "skim"):
        figures = {f"test_{name}": value for name, value in scores["averaged"]["figures"].items()}
        figures = figures or {"test_accuracy": 100 - errors["averaged"]}
        return figures | (_chosen_measures(scores, errors) if scores.get("kept") else {})
    averaged = f"test_error_m{scores['copies']}"
    return dict(zip((averaged, "test_error_m1", "test_error_greedy"), errors.values(), strict=True))


def _chosen_measures(scores: dict[str, Any], errors: dict[str, float]) -> dict[str, float]:
    """Of an agent that chooses words: its answers without an average, and which words it chose, in percent."""
    alone = {"sampled": "m1", "greedy": "greedy"}
    if scores["averaged"]["figures"]:
        answers = {f"test_pearson_{name}": scores[way]["figures"]["pearson"] for way, name in alone.items()}
    else:
        answers = {f"test_accuracy_{name}": 100 - errors[way] for way, name in alone.items()}
    return answers | {f"test_{name}": 100 * share for name, share in scores["kept"].items()}


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
