"""Trained runs read back: config, environment, and agent with the chosen weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.runs.build import choose_device, make_agent
from glimpse.runs.checkpoint import Checkpoint, holds_damaged, load_averaged, load_newest
from glimpse.runs.kept_data import env_of_run
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.shifted_env import env_of_other_data
from glimpse.runs.threads import set_threads
from glimpse.runs.training_state import TrainedState, reporting_misfits, state_of

Say = Callable[[str], None]
BEST = "best on validation data"
PROVISIONAL = (
    "last that were validated, since no validation counts yet: each was of the warm-up, or missed the keep rate"
)
"""What weights are called that training has kept until an evaluation counts."""


@dataclass(frozen=True)
class TrainedRun:
    """Trained run read back from its folder.

    folder, experiment: its folder and its config.
    agent: with the chosen weights; `env` shows the split that was asked for, perhaps of other data. The family of
        the task knows their types.
    step: step of the checkpoint that the weights are from.
    weights: which these are, in words: `BEST`, `PROVISIONAL`, or what is used instead and why.
    seconds, trained_on, commit: training time until then, the device, and the code.
    """

    folder: RunFolder
    experiment: Experiment
    agent: Any
    env: Any
    step: int
    weights: str
    seconds: float
    trained_on: str
    commit: str


def open_run(
    path: Path,
    split: Literal["validation", "test"] | None,
    device: str | None,
    say: Say,
    average: int | None = None,
    other: Experiment | None = None,
) -> TrainedRun:
    """Read a run back with the weights that were best on validation data, or with the mean of the last ones.

    Args:
        path: its folder.
        split: split that its environment shows; None if it needs to show none, as for a text of the user's own. Then
            no data are read, if the run has kept enough of them.
        device: device to use instead of the config's.
        say: prints a line for the user.
        average: number of newest checkpoints to average; None for the best one.
        other: the run's config with another task, whose data the environment shows; None for the run's own data.

    Raises:
        UserError: if there is no run, no checkpoint, or they do not belong together.
        DataError: if the data cannot be had.
    """
    folder = RunFolder.open(path)
    experiment = load_experiment(folder.config_path)
    set_threads(experiment.threads)
    checkpoint, weights = chosen_checkpoint(folder, average, say)
    placed_on = choose_device(device or experiment.device)
    if other is None:
        env = env_of_run(experiment, folder, split, placed_on, say)
    else:
        env = env_of_other_data(experiment, other, folder, split, placed_on, say)
    agent = make_agent(experiment, env).requires_grad_(False).eval()
    with reporting_misfits(folder.path, checkpoint.step):
        agent.load_state_dict(checkpoint.weights)
    refuse_weights_not_finite(checkpoint, folder)
    state = state_of(checkpoint, TrainedState, folder.path)
    told = (state.seconds, state.trained_on, state.commit)
    return TrainedRun(folder, experiment, agent, env, checkpoint.step, weights, *told)


def refuse_weights_not_finite(checkpoint: Checkpoint, folder: RunFolder) -> None:
    """Raise UserError if a weight of a run's checkpoint is not finite."""
    if bad := [name for name, value in checkpoint.weights.items() if not value.isfinite().all()]:
        raise UserError(
            f"{len(bad)} weights of {folder.path}, step {checkpoint.step}, are not finite, such as {bad[0]}. "
            "Use another run or checkpoint"
        )


def chosen_checkpoint(folder: RunFolder, average: int | None, say: Say) -> tuple[Checkpoint, str]:
    """Load the best checkpoint, or the newest where there is no good best one, and describe the choice.

    Args:
        folder: the run's folder.
        average: number of newest checkpoints whose mean is asked for instead; None for none.
        say: prints a line for the user.

    Raises:
        UserError: if there is no checkpoint that can be read.
    """
    if average:
        return load_averaged(folder.checkpoints, average), f"mean of the last {average} checkpoints"
    best = load_newest(folder.best, say, read_only=True)
    if best is not None:
        return best, PROVISIONAL if best.state.get("best_error") == math.inf else BEST
    newest = load_newest(folder.checkpoints, say, read_only=True)
    if newest is None:
        raise UserError(f"{folder.path} has no checkpoint yet; train it first: glimpse train --resume {folder.path}")
    if not holds_damaged(folder.best):
        return newest, "last, since validation has chosen none yet"
    say(
        f"warning: the weights of {folder.path} that were best on validation data are damaged, so its last ones, of "
        f"step {newest.step}, are used instead. Put {folder.best} back from a copy, or train on: the next evaluation "
        "chooses anew"
    )
    return newest, "last, since the best ones are damaged"
