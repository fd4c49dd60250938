"""`glimpse evaluate`: a run measured on a split beside its controls, as a table and as a record in its folder."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from glimpse.agents.agent import Agent
from glimpse.build import choose_device, make_agent, make_world, set_threads
from glimpse.checkpoint import Checkpoint, load_average, load_newest
from glimpse.config import EvaluateOptions, Experiment
from glimpse.config_file import load_experiment
from glimpse.durable import replace_file, reporting_write_errors
from glimpse.envs.lanes import VisualCore
from glimpse.errors import UserError
from glimpse.judging import Judge, judge_of
from glimpse.results import describe_device
from glimpse.run_folder import RunFolder
from glimpse.translation.kept_pieces import check_pieces, world_without_data

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainedRun:
    """A run read back.

    folder, experiment: where it is, and its config.
    agent: with the chosen weights; `world` shows the split that was asked for.
    step: of the checkpoint that the weights are from.
    seconds, trained_on: how long it had been trained by then, and on what.
    """

    folder: RunFolder
    experiment: Experiment
    agent: Agent
    world: VisualCore
    step: int
    seconds: float
    trained_on: str


def open_run(
    path: Path, split: Literal["validation", "test"] | None, device: str | None, say: Say, average: int | None = None
) -> TrainedRun:
    """Read a run back with the weights that were best on validation data, or with the mean of its last ones.

    Args:
        path: its folder.
        split: what its world shows; None if it needs to show nothing, as for a text of one's own. Then no data are
            read, if the run has kept what it must know of them.
        device: in place of the config's.
        say: takes a line for the user.
        average: the newest checkpoints whose mean is asked for; None for the best one.

    Raises:
        UserError: if there is no run, no checkpoint, or they do not belong together.
        DataError: if the data cannot be had.
    """
    folder = RunFolder.open(path)
    experiment = load_experiment(folder.config_path)
    set_threads(experiment.threads)
    checkpoint = load_average(folder.checkpoints, average) if average else _chosen_checkpoint(folder, say)
    place = choose_device(device or experiment.device)
    world = world_without_data(folder, experiment, place) if split is None else None
    if world is None:
        world = make_world(experiment, split or "validation", place)
        check_pieces(folder, world)
    agent = make_agent(experiment, world).requires_grad_(False).eval()
    try:
        agent.load_state_dict(checkpoint.weights)
    except RuntimeError as problem:
        raise UserError(
            f"{folder.config_path} does not fit the checkpoint of step {checkpoint.step}: {problem}"
        ) from None
    state = checkpoint.state
    return TrainedRun(folder, experiment, agent, world, checkpoint.step, state["seconds"], state["trained_on"])


def _chosen_checkpoint(folder: RunFolder, say: Say) -> Checkpoint:
    """The best, or the newest where validation has not yet chosen one."""
    for place in (folder.best, folder.checkpoints):
        checkpoint = load_newest(place, say, read_only=True)
        if checkpoint is not None:
            return checkpoint
    raise UserError(f"{folder.path} has no checkpoint yet; train it first: glimpse train --resume {folder.path}")


def evaluate_command(
    run: Path,
    split: str,
    copies: int | None,
    batch: int | None,
    device: str | None,
    share: float | None = None,
    average: int | None = None,
) -> None:
    """Measure a run on a split, print the table, and add it to the run's evaluation.json."""
    evaluate_run(run, cast(Literal["validation", "test"], split), copies, batch, device, share, average)


def evaluate_run(
    run: Path,
    split: Literal["validation", "test"],
    copies: int | None = None,
    batch: int | None = None,
    device: str | None = None,
    share: float | None = None,
    average: int | None = None,
) -> dict[str, Any]:
    """Measure a run on a split beside its controls, print the table, and give what was added to evaluation.json.

    Raises:
        UserError: if the run cannot be read, what was asked for means nothing to its world, or the record cannot be
            written.
    """
    asked = {"copies": copies, "batch": batch, "share": share}
    given = {name: value for name, value in asked.items() if value is not None}
    judge = _judge_who_heeds(given, RunFolder.open(run))
    trained = open_run(run, split, device, print, average)
    options = EvaluateOptions(**{**trained.experiment.evaluate.model_dump(), **given})
    begun = time.perf_counter()
    found = judge.evaluate(trained, split, options)
    record = {
        "agent": trained.experiment.agent.name,
        "step": trained.step,
        **({"averaged": average} if average else {}),
        "train_seconds": trained.seconds,
        "trained_on": trained.trained_on,
        "seconds": round(time.perf_counter() - begun, 2),
        "device": describe_device(trained.world.device),
        "seed": options.seed,
        **found,
    }
    _keep(trained.folder.evaluation_path, split, record)
    print(f"written to {trained.folder.evaluation_path}")
    return record


def _judge_who_heeds(given: dict[str, Any], folder: RunFolder) -> Judge:
    """The judge of a run's world.

    Raises:
        UserError: if it would leave out something that was asked for.
    """
    experiment = load_experiment(folder.config_path)
    judge = judge_of(experiment)
    for name in given.keys() - judge.asks:
        raise UserError(f"--{name} means nothing to the world {experiment.task.name} of {folder.path}; leave it out")
    return judge


def _keep(path: Path, split: str, record: dict[str, Any]) -> None:
    """Put a split's record into the run's evaluation file, beside the other split's."""
    known = json.loads(path.read_text()) if path.exists() else {}
    with reporting_write_errors(path):
        replace_file(path, (json.dumps({**known, split: record}, indent=1) + "\n").encode())
