"""`glimpse report --csv` and `--tensorboard`: a run's metrics for other programs, without a report."""

import csv
import io
from itertools import accumulate
from pathlib import Path
from typing import Any

from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.evaluation.evaluator import evaluator_of
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.evaluation_file import not_an_evaluation, read_evaluation_file
from glimpse.runs.metric_names import SECONDS, STEP, TEST, in_group, read_run_metrics
from glimpse.runs.metrics_log import Value
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.run_source import find_run


def write_csv(run: Path, file: Path) -> None:
    """Write a run's metrics as a table: a line for each row, a column for each metric, empty where a row has none.

    Raises:
        UserError: if there is no run, it has no metrics, or the file cannot be written.
    """
    rows, _ = _metrics(run)
    written = io.StringIO(newline="")
    table = csv.DictWriter(written, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with reporting_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, written.getvalue().encode())
    print(file)


def write_tensorboard(run: Path, folder: Path) -> None:
    """Write a run's metrics as TensorBoard's scalars; those that an earlier call wrote into the folder are replaced.

    Raises:
        UserError: if tensorboard is missing, there is no run, it has no metrics, or the folder cannot be written.
    """
    writer_class = _summary_writer()
    rows, path = _metrics(run)
    logged = (value if isinstance(value := row.get(SECONDS), int | float) else 0.0 for row in rows)
    seconds = list(accumulate(logged, max))  # A row of an evaluation alone has the time of the one before.
    began = path.stat().st_mtime - seconds[-1]
    with reporting_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard forgets what was written before, from step 0 on.
        with writer_class(str(folder), purge_step=0) as writer:
            for row, since in zip(rows, seconds, strict=True):
                for name, value in row.items():
                    if name != STEP and isinstance(value, int | float):
                        writer.add_scalar(name, value, row[STEP], walltime=began + since)
    print(folder)


def _metrics(run: Path) -> tuple[list[dict[str, Value]], Path]:
    """Read a run's metrics, with those of the test set at the step that was evaluated, and return the file's path."""
    folder = RunFolder.open(find_run(run))
    rows = read_run_metrics(folder)
    if not rows:
        raise UserError(f"{run} has no metrics yet; train it first: glimpse train --resume {run}")
    if tested := _test_metrics(folder):
        at = next((at for at, row in enumerate(rows) if row[STEP] == tested[STEP]), len(rows))
        rows[at : at + 1] = [{**(rows[at] if at < len(rows) else {}), **tested}]
    return rows, folder.metrics_path


def _test_metrics(folder: RunFolder) -> dict[str, Value]:
    """Return the metrics of a run's test set, with the step of the weights; none where it was not evaluated."""
    record = read_evaluation_file(folder.evaluation_path).get("test")
    if record is None:
        return {}
    try:
        measures = evaluator_of(load_experiment(folder.config_path)).measures(record)
        return {
            STEP: int(record[STEP]),
            **in_group(TEST, {key.removeprefix("test_"): measures[key] for key in measures}),
        }
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise not_an_evaluation(folder.evaluation_path) from None


def _summary_writer() -> Any:
    """Import the writer of TensorBoard's files, whose package is optional."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("--tensorboard needs the package tensorboard: pip install 'glimpse-rl[tensorboard]'") from None
    return SummaryWriter
