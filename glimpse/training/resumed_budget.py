"""Budget of a resumed training compared with the one that it was begun with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glimpse.config.experiment import TrainOptions
from glimpse.errors import UserError


def describe_new_budget(options: TrainOptions, step: int, state: Mapping[str, Any]) -> str | None:
    """Say what another budget means for a resumed training.

    Args:
        options: the options of the training from now on.
        step: number of steps that are made.
        state: state of the checkpoint: its `steps` and `minutes` are the budget so far, its `seconds` the time.

    Returns:
        A line for the user; None if the budget is the same.

    Raises:
        UserError: if the new budget is less than what is done already.
    """
    budget, before = _budget(options.steps, options.minutes), _budget(state.get("steps"), state.get("minutes"))
    if options.steps is not None and step > options.steps:
        raise UserError(
            f"train.steps is {options.steps}, but the run has made {step} steps already: give {step} or more, or train "
            "a new run"
        )
    if before is None or budget == before:
        return None
    spent = state["seconds"] / 60
    if options.minutes is not None and spent > options.minutes:
        raise UserError(
            f"train.minutes is {options.minutes:g}, but the run has trained for {spent:.2f} minutes already: give "
            "more, or train a new run"
        )
    done = step / options.steps if options.steps is not None else spent / (options.minutes or 1)
    length = f"{options.steps} steps" if options.steps is not None else f"{options.minutes:g} minutes"
    return (
        f"{budget} instead of {before}: the schedule is now {length} long, and {100 * done:.0f} % of it is done; "
        f"the {step} steps so far followed the other one, so the weights will not be those of a run begun like this"
    )


def describe_complete(run: Path, options: TrainOptions, step: int) -> str:
    """Say that a run is complete, and how it is trained on."""
    more = f"train.steps={2 * step}" if options.minutes is None else f"train.minutes={2 * options.minutes:g}"
    made = f"{step} step{'s' * (step != 1)}"
    return f"{run} is complete, with {made}; to train on, raise its budget: glimpse train --resume {run} {more}"


def _budget(steps: int | None, minutes: float | None) -> str | None:
    """Write a budget as an override of the config."""
    if steps is not None:
        return f"train.steps={steps}"
    return f"train.minutes={minutes:g}" if minutes is not None else None
