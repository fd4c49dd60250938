"""`glimpse evaluate`: a run measured on a split beside its controls, as a table and as a record in its folder."""

import json
import time
from pathlib import Path
from typing import Any, Literal, cast

from glimpse.config.experiment import EvaluateOptions
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import Judge, judge_of
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.results import describe_device
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run


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
