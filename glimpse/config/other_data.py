"""Config of a trained run with other data: overrides of `task.` that leave what its agent observes as it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from glimpse.config.differences import differing_keys, leaves, typed_value
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment, read_overrides
from glimpse.errors import UserError

_SOURCES = frozenset({"data", "documents", "filler", "test"})
"""Options of a task that say where its data come from; others change how the same data are shown."""


class OtherData(NamedTuple):
    """Data that a run is evaluated on instead of its own.

    experiment: the run's config with the overrides.
    name: what they are, in a line: `fashion-mnist`, or `mnist, canvas.kind=cluttered`.
    """

    experiment: Experiment
    name: str


def read_other_data(config: Path, overrides: Sequence[str]) -> OtherData:
    """Read overrides of `task.` on top of a run's config.

    Where `task.data` is a file, all of it is evaluated, unless parts of it are named.

    Args:
        config: the config of the run.
        overrides: texts such as `task.data=folder:PATH`.

    Raises:
        UserError: if another section is overridden, or the run's agent would observe something else.
    """
    own, given = load_experiment(config), _task_given(overrides)
    if given.get("name", own.task.name) != own.task.name:
        raise UserError(f"task.name: should be {own.task.name}, in which the run was trained (got {given['name']!r})")
    follows = {key: value for key, value in type(own.task).on_other_data(given).items() if key not in given}
    further = [f"task.{key}={typed_value(value)}" for key, value in follows.items()]
    shifted = load_experiment(config, [*further, *overrides])
    _refuse_other_observations(own, shifted)
    return OtherData(shifted, _name(shifted, given))


def name_a_source(overrides: Sequence[str]) -> bool:
    """Return whether overrides of `task.` name where other data come from.

    Raises:
        UserError: if another section is overridden.
    """
    return not _SOURCES.isdisjoint(_task_given(overrides))


def _task_given(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the options of the task that overrides give; raise UserError if they give others."""
    for section, given in read_overrides(overrides).items():
        if section != "task" or not isinstance(given, dict):
            key = section if not isinstance(given, dict) else f"{section}.{next(iter(given), '')}"
            raise UserError(
                f"{key}: a trained run is evaluated on other data by options of its task, such as "
                "task.data=folder:PATH; everything else is as it was trained"
            )
    task = read_overrides(overrides)["task"]
    return dict(task)


def _refuse_other_observations(own: Experiment, shifted: Experiment) -> None:
    """Raise UserError for the first option by which the run's agent would observe something else."""
    may_differ, wrong = type(own.task).of_data, own.task.observes_otherwise(shifted.task)
    for key in differing_keys(own, shifted):
        option = key.removeprefix("task.")
        if option.split(".")[0] in may_differ and option != wrong:
            continue
        before, after = (leaves(one.model_dump()).get(key) for one in (own, shifted))
        others = ", ".join(f"task.{name}" for name in type(own.task).model_fields if name in may_differ) or "nothing"
        raise UserError(
            f"{key}={typed_value(after)} does not fit: the agent was trained with {typed_value(before)}, and would "
            f"observe something else. What may differ: {others}"
        )


def _name(shifted: Experiment, given: dict[str, Any]) -> str:
    """Return the data's name, the other options that were given, and the documents that are searched."""
    rest = {key: value for key, value in leaves(given).items() if key != "data"}
    if (documents := getattr(shifted.task, "documents", None)) is not None:
        rest["documents"] = documents
    options = [f"{key}={typed_value(value)}" for key, value in sorted(rest.items())]
    return ", ".join([str(getattr(shifted.task, "data", shifted.task.title)), *options])
