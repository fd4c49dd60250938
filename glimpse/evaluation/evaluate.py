"""`glimpse evaluate`: measure a run and its controls on a split, print a table, and write a record to its folder."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from glimpse.config.exact_config import shipped_name
from glimpse.config.experiment import EvaluateOptions
from glimpse.config.files import load_experiment
from glimpse.config.other_data import name_a_source, read_other_data
from glimpse.envs.errors import DataError
from glimpse.envs.printed_lines import print_line
from glimpse.errors import UserError
from glimpse.evaluation.closed_output import surviving_closed_output
from glimpse.evaluation.evaluator import Evaluator, evaluator_of
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.evaluation_file import read_evaluation_file
from glimpse.runs.finite_numbers import naming_bad_numbers
from glimpse.runs.memory import reporting_memory_errors
from glimpse.runs.precision_errors import reporting_precision_errors
from glimpse.runs.predictions_file import examples_digest, write_predictions
from glimpse.runs.results import describe_device
from glimpse.runs.run_folder import CONFIG, RunFolder
from glimpse.runs.run_source import writable_run
from glimpse.runs.trained_run import open_run

Split = Literal["validation", "test"]


def evaluate_command(
    run: Path,
    split: Split | None,
    copies: int | None,
    batch: int | None,
    device: str | None,
    keep_rate: float | None = None,
    average: int | None = None,
    overrides: Sequence[str] = (),
) -> None:
    """Run `glimpse evaluate`; see `evaluate_run` for the arguments, and `default_split` for a split of None."""
    run = writable_run(run, print_line)
    split = split or ("test" if overrides and name_a_source(overrides) else default_split(RunFolder.open(run)))
    remedy = f"Set evaluate.precision: float32 in {run / CONFIG}"
    with reporting_memory_errors("Lower --batch or --copies"), reporting_precision_errors("evaluate.precision", remedy):
        evaluate_run(run, split, copies, batch, device, keep_rate, average, overrides)


def default_split(folder: RunFolder) -> Split:
    """Return the split that a run is measured on where none is named, and say why.

    It is the test set for a run of a shipped config, whose options are fixed, and the validation set for one whose
    options may still be chosen.
    """
    if shipped_name(load_experiment(folder.config_path)) is not None:
        return "test"
    print_line("on validation data, since the config is not a shipped one; once all is chosen: --split test")
    return "validation"


def _without_own_data(run: Path, folder: RunFolder) -> str:
    """Return what to do where a run's own data are not there, behind an error that says so."""
    task = load_experiment(folder.config_path).task
    others = " task.documents=..." if getattr(task, "documents", None) is not None else ""
    return f"Without the run's own data, measure others of its classes: glimpse evaluate {run} task.data=...{others}"


def evaluate_run(
    run: Path,
    split: Split,
    copies: int | None = None,
    batch: int | None = None,
    device: str | None = None,
    keep_rate: float | None = None,
    average: int | None = None,
    overrides: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure a run and its controls on a split, print the table, and add the record to the run's evaluation.json.

    Args:
        run: folder of the run.
        split: split to measure on.
        copies: rollouts averaged for each example; None for the config's, as for the next three.
        batch: examples in a batch.
        device: device to evaluate on.
        keep_rate: fraction of words in the predicted rationale.
        average: number of newest checkpoints to average; None for the best checkpoint.
        overrides: overrides of `task.` that name other data, see `glimpse.config.other_data`. Their record has a key of
            its own.

    Returns:
        The record.

    Raises:
        UserError: if the run cannot be read, an option has no effect in its environment, what the agent computes is
            not finite, or the record cannot be written.
    """
    options_given = {"copies": copies, "batch": batch, "keep_rate": keep_rate}
    given = {name: value for name, value in options_given.items() if value is not None}
    folder = RunFolder.open(run)
    evaluator = _evaluator_for(folder, given)
    other = read_other_data(folder.config_path, overrides) if overrides else None
    measured = f"{split} of {other.name}" if other else split
    try:
        trained = open_run(run, split, device, print_line, average, other.experiment if other else None)
    except DataError as problem:
        if other:
            raise
        end = "" if str(problem).endswith((".", "?")) else "."
        raise UserError(f"{problem}{end} {_without_own_data(run, folder)}") from None
    with surviving_closed_output():
        if measured == "test":
            uses = len(_times_tested(trained.folder.evaluation_path))
            print_line("the test set is used" + (f", by this run for time number {uses}" if uses > 1 else ""))
        print_line(f"weights of step {trained.step:,}: {trained.weights}")
        options = EvaluateOptions(**{**trained.experiment.evaluate.model_dump(), **given})
        read_evaluation_file(trained.folder.evaluation_path)  # A damaged one is found before the work, not after it.
        begun = time.perf_counter()
        results = naming_bad_numbers(trained.agent, lambda: evaluator.evaluate(trained, measured, options))
        columns = results.pop("predictions", None)
        record = {
            "agent": trained.experiment.agent.name,
            "task": trained.experiment.task_title,
            **({"overrides": list(overrides)} if overrides else {}),
            "step": trained.step,
            "weights": trained.weights,
            **({"averaged": average} if average else {}),
            "train_seconds": trained.seconds,
            "trained_on": trained.trained_on,
            "commit": trained.commit,
            **({"tested": _times_tested(trained.folder.evaluation_path)} if measured == "test" else {}),
            "seconds": round(time.perf_counter() - begun, 2),
            "device": describe_device(trained.env.device),
            "seed": options.seed,
            **results,
        }
        if columns is not None:
            digest = examples_digest(trained.env, options.seed)
            record["predictions"] = write_predictions(trained.folder.path, measured, columns, digest)
        _write_record(trained.folder.evaluation_path, measured, record)
        print_line(f"written to {trained.folder.evaluation_path}")
    return record


def _evaluator_for(folder: RunFolder, given: dict[str, Any]) -> Evaluator:
    """Make the evaluator of a run, and check that it uses all options that were given.

    Raises:
        UserError: if an option has no effect in the run's environment.
    """
    experiment = load_experiment(folder.config_path)
    evaluator = evaluator_of(experiment)
    for name in (name for name in given if name not in evaluator.options_used):
        raise UserError(
            f"--{name.replace('_', '-')} has no effect in the environment {experiment.task.name} of {folder.path}; "
            "leave it out"
        )
    return evaluator


def _times_tested(path: Path) -> list[str]:
    """Return when the run was measured on the test set, now included; times of before are those that were noted."""
    known = read_evaluation_file(path).get("test", {}).get("tested", [])
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return [*(str(one) for one in known if isinstance(known, list)), now]


def _write_record(path: Path, measured: str, record: dict[str, Any]) -> None:
    """Write the record of a split, or of other data, into the run's evaluation file; the others are kept."""
    known = read_evaluation_file(path)
    with reporting_write_errors(path):
        replace_file(path, (json.dumps({**known, measured: record}, indent=1) + "\n").encode())
