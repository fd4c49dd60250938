"""`glimpse report --csv` and `--tensorboard`: a run's metrics for other programs, without a report."""

import csv
import io
from pathlib import Path
from typing import Any

from glimpse.errors import UserError
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.metrics_log import Value, read_metrics
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
    seconds = [value if isinstance(value := row.get("seconds"), int | float) else 0.0 for row in rows]
    began = path.stat().st_mtime - seconds[-1]
    with reporting_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard forgets what was written before, from step 0 on.
        with writer_class(str(folder), purge_step=0) as writer:
            for row, since in zip(rows, seconds, strict=True):
                for name, value in row.items():
                    if name != "step" and isinstance(value, int | float):
                        writer.add_scalar(name, value, row["step"], walltime=began + since)
    print(folder)


def _metrics(run: Path) -> tuple[list[dict[str, Value]], Path]:
    """Read a run's metrics, and return them with the path of their file."""
    path = RunFolder.open(find_run(run)).metrics_path
    rows = read_metrics(path)
    if not rows:
        raise UserError(f"{run} has no metrics yet; train it first: glimpse train --resume {run}")
    return rows, path


def _summary_writer() -> Any:
    """Import the writer of TensorBoard's files, whose package is optional."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("--tensorboard needs the package tensorboard: pip install 'glimpse-rl[tensorboard]'") from None
    return SummaryWriter
