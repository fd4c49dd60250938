"""Card of a published agent: what it does, how it was trained and measured, on which data, and its limits.

`card_facts` gathers the facts from the run; `card_text` writes them down. Nothing in a card is written by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glimpse import __version__
from glimpse.config.differences import overrides_from
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.envs.data.registry import DATA_SETS
from glimpse.evaluation.evaluator import MainMeasure, evaluator_of
from glimpse.publishing.earlier_card import SeedResult
from glimpse.publishing.packed_run import OWN_DATA, FinishedRun
from glimpse.runs.stored_weights import Bits

_MOST_OVERRIDES = 12
_OF_THE_MACHINE = ("data.", "track.", "device", "threads")


@dataclass(frozen=True)
class DataFacts:
    """Facts about the data that an agent was trained on: name, licence, what to know, and where they come from."""

    name: str
    licence: str
    note: str
    cautions: str


@dataclass(frozen=True)
class CardFacts:
    """Facts of a card.

    name, agent, task: the published name, and titles of agent and task.
    version: version of glimpse that wrote it.
    command: command that trains such an agent.
    seeds: results of all runs among which this one was chosen by its validation error.
    step, minutes, trained_on: updates until the weights were best, minutes of training, and the device.
    measure: the main measure on the test set.
    examples: number of test examples; 0 if not recorded.
    measures: further measures on the test set.
    controls: main errors of the same weights with control locators, in percent.
    limits: what is known of its weak points, a sentence each.
    data: facts about the data.
    parameters, bits: number of weights, and the bits that each has, see `store_weights`.
    measured_as_float: the main measure before the weights were rounded; None if they were not.
    """

    name: str
    agent: str
    task: str
    version: str
    command: str
    seeds: tuple[SeedResult, ...]
    step: int
    minutes: float
    trained_on: str
    measure: MainMeasure
    examples: int
    measures: dict[str, float]
    controls: dict[str, float]
    limits: tuple[str, ...]
    data: DataFacts
    parameters: int
    bits: Bits
    measured_as_float: float | None


def card_facts(
    name: str, run: FinishedRun, bits: Bits, record: dict[str, Any], tried: Sequence[FinishedRun]
) -> CardFacts:
    """Gather the facts of a card.

    Args:
        name: name of the published agent.
        run: the run that is published.
        bits: bits of the published weights.
        record: evaluation of the published weights on the test set: the run's own, or another one if they are rounded.
        tried: all runs of the config among which it was chosen, itself included.
    """
    evaluator = evaluator_of(run.experiment)
    rounded_now = record is not run.record and run.measured_as_float is None
    measure = evaluator.main_measure(record)
    return CardFacts(
        name=name,
        agent=run.experiment.agent_title,
        task=f"{run.experiment.task.name}, own data" if run.has_own_data else run.experiment.task_title,
        version=__version__,
        command=training_command(run.experiment),
        seeds=tuple(sorted((one for each in tried for one in each.seeds), key=lambda one: one.seed)),
        step=run.checkpoint.step,
        minutes=round(run.state.seconds / 60, 1),
        trained_on=run.state.trained_on,
        measure=measure,
        examples=_examples(record),
        measures={key.removeprefix("test_"): value for key, value in evaluator.measures(record).items()},
        controls=_controls(record),
        limits=(*_limits(record), *_gain(record)),
        data=data_facts(run.experiment),
        parameters=record["parameters"],
        bits=bits,
        measured_as_float=evaluator.main_measure(run.record).value if rounded_now else run.measured_as_float,
    )


def data_facts(experiment: Experiment) -> DataFacts:
    """Return what is known of the data of a config; of a user's own only that they are not included."""
    data = getattr(experiment.task, "data", None)
    if data is None:
        return DataFacts(f"None: {experiment.task.name} makes its examples from a seed", "none needed", "", "")
    if str(data).startswith(OWN_DATA):
        told = (
            "the publisher's own, of which nothing is included but the names of classes, and for texts the vocabulary"
        )
        return DataFacts("Own data", "not stated", told, "")
    known = DATA_SETS.get(str(data))
    if known is None:
        return DataFacts(experiment.task.data_title or str(data), "not stated", "", "")
    return DataFacts(f"Data set `{data}`", known.licence, getattr(known, "note", ""), known.cautions)


def training_command(experiment: Experiment) -> str:
    """Return the command that trains such an agent: the nearest shipped config, with what differs as overrides.

    It is that of the packed config where no shipped one is near.
    """
    alike = []
    for name, path in shipped_configs().items():
        base = load_experiment(path)
        if (base.task.name, base.agent.name) == (experiment.task.name, experiment.agent.name):
            overrides = [one for one in overrides_from(base, experiment) if not one.startswith(_OF_THE_MACHINE)]
            alike.append((len(overrides), name, overrides))
    if not alike or min(alike)[0] > _MOST_OVERRIDES or str(getattr(experiment.task, "data", "")).startswith(OWN_DATA):
        return "glimpse train config.yaml"
    _, name, overrides = min(alike)
    return " ".join(["glimpse train", name, *(_quoted(one) for one in overrides)])


def _quoted(override: str) -> str:
    """Quote an override for a shell where it needs that."""
    return f"'{override}'" if set(override) & set(' []{}"*?$&|<>;()') else override


def _examples(record: dict[str, Any]) -> int:
    scores = record.get("scores", {}).get(record["agent"], {})
    return int(scores.get("averaged", {}).get("episodes", 0)) or sum(
        group["sentences"] for group in record.get("by_length", ())
    )


def _controls(record: dict[str, Any]) -> dict[str, float]:
    """Return the errors of averaged episodes of the control locators, in percent."""
    rows = record.get("scores", {})
    return {name: scores["averaged"]["error"] for name, scores in rows.items() if name != record["agent"]}


def _gain(record: dict[str, Any]) -> list[str]:
    """Say what the agent gains by looking at other locations in each picture, where this was measured."""
    fixed = _controls(record).get("its own mean scanpath")
    if fixed is None:
        return []
    own = record["scores"][record["agent"]]["averaged"]["error"]
    return [f"With its own mean scanpath for every picture its error is {fixed:.2f} % in place of {own:.2f} %."]


def _limits(record: dict[str, Any]) -> list[str]:
    """Describe weak points that the evaluation shows."""
    found, measures = [], record.get("class_measures")
    if labels := record.get("label_measures"):
        worst = min(labels["labels"], key=lambda one: one["f1"])
        found.append(
            f"Micro F1 {labels['micro_f1']:.3f}; its worst label is {worst['name']!r}, with F1 {worst['f1']:.3f}."
        )
    if measures:
        worst = min((one for one in measures["classes"] if one["examples"]), key=lambda one: one["recall"])
        found.append(
            f"It names one of {len(measures['classes'])} classes for anything that it is shown, also for what is none."
        )
        if worst["recall"] < 1:
            share = f"{100 * worst['recall']:.1f} %"
            found.append(f"Its worst class is {worst['name']!r}: {share} of its test examples are found.")
        found.append(
            f"Probabilities are off by {100 * measures['calibration_error']:.1f} percentage points on average on the "
            "test set (expected calibration error), and by more on other data."
        )
        if confused := measures["confused"][:1]:
            one = confused[0]
            found.append(f"Its most frequent mistake is {one['answer']!r} for {one['label']!r} ({one['count']} times).")
    return found
