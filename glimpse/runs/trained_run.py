"""Trained runs read back: config, environment, and agent with the chosen weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.runs.build import choose_device, make_agent
from glimpse.runs.checkpoint import Checkpoint, load_averaged, load_newest
from glimpse.runs.kept_data import env_of_run
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.threads import set_threads

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainedRun:
    """Trained run read back from its folder.

    folder, experiment: its folder and its config.
    agent: with the chosen weights; `env` shows the split that was asked for. The family of the task knows their types.
    step: step of the checkpoint that the weights are from.
    seconds, trained_on: training time until then, and the device.
    """

    folder: RunFolder
    experiment: Experiment
    agent: Any
    env: Any
    step: int
    seconds: float
    trained_on: str


def open_run(
    path: Path, split: Literal["validation", "test"] | None, device: str | None, say: Say, average: int | None = None
) -> TrainedRun:
    """Read a run back with the weights that were best on validation data, or with the mean of the last ones.

    Args:
        path: its folder.
        split: split that its environment shows; None if it needs to show none, as for a text of the user's own. Then
            no data are read, if the run has kept enough of them.
        device: device to use instead of the config's.
        say: prints a line for the user.
        average: number of newest checkpoints to average; None for the best one.

    Raises:
        UserError: if there is no run, no checkpoint, or they do not belong together.
        DataError: if the data cannot be had.
    """
    folder = RunFolder.open(path)
    experiment = load_experiment(folder.config_path)
    set_threads(experiment.threads)
    checkpoint = load_averaged(folder.checkpoints, average) if average else _chosen_checkpoint(folder, say)
    placed_on = choose_device(device or experiment.device)
    env = env_of_run(experiment, folder, split, placed_on, say)
    agent = make_agent(experiment, env).requires_grad_(False).eval()
    try:
        agent.load_state_dict(checkpoint.weights)
    except RuntimeError as problem:
        raise UserError(
            f"{folder.config_path} does not fit the checkpoint of step {checkpoint.step}: {problem}"
        ) from None
    state = checkpoint.state
    return TrainedRun(folder, experiment, agent, env, checkpoint.step, state["seconds"], state["trained_on"])


def _chosen_checkpoint(folder: RunFolder, say: Say) -> Checkpoint:
    """Load the best checkpoint, or the newest where validation has not yet chosen one."""
    for kept in (folder.best, folder.checkpoints):
        checkpoint = load_newest(kept, say, read_only=True)
        if checkpoint is not None:
            return checkpoint
    raise UserError(f"{folder.path} has no checkpoint yet; train it first: glimpse train --resume {folder.path}")
