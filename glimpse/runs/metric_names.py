"""Names of a run's metrics, in the groups that trackers show together; and the names that earlier versions logged.

`train/` is of training batches, `val/` of validation data, `test/` of the test set, and `speed/` of time. `step`, the
number of steps made, is what all are plotted over.
"""

from collections.abc import Mapping
from typing import TypeVar

from glimpse.config.files import load_experiment
from glimpse.runs.metrics_log import Value, read_metrics
from glimpse.runs.run_folder import RunFolder

STEP = "step"
TRAIN, VALIDATION, TEST, SPEED = GROUPS = ("train/", "val/", "test/", "speed/")
LEARNING_RATE = "train/learning_rate"
SECONDS = "speed/seconds"
"""Seconds of training so far, with its evaluations."""
STEPS_PER_SECOND = "speed/steps_per_second"
"""Steps per second since the row before."""
BEST_ERROR = "val/best_error"
"""Least number so far that weights are chosen by, whatever is measured: what sweeps compare."""
_EARLIER = {"seconds": SECONDS, "learning_rate": LEARNING_RATE}
_Number = TypeVar("_Number")


def in_group(group: str, numbers: Mapping[str, _Number]) -> dict[str, _Number]:
    """Return numbers under their names in a group: `accuracy` is `val/accuracy` in `val/`."""
    return {f"{group}{name}": value for name, value in numbers.items()}


def error_name(rollouts: int) -> str:
    """Return the name, without a group, of the error of the mean of M rollouts, in percent: `error_m10`."""
    return f"error_m{rollouts}"


def plain_name(key: str) -> str:
    """Return a metric's name without its group: `loss` of `train/loss`."""
    return next((key.removeprefix(group) for group in GROUPS if key.startswith(group)), key)


def read_run_metrics(folder: RunFolder) -> list[dict[str, Value]]:
    """Return the rows of a run's metrics by their present names, whichever version logged them.

    Raises:
        UserError: if the file cannot be read, or a line before the last is not a row.
    """
    rows = read_metrics(folder.metrics_path)
    old = any("validation_error" in row for row in rows)
    rollouts = load_experiment(folder.config_path).evaluate.copies if old else 1
    return [{_present_name(name, rollouts): value for name, value in row.items()} for row in rows]


def _present_name(name: str, rollouts: int) -> str:
    """Return the present name of a metric, in a run whose validation averages M rollouts of each example."""
    if name == STEP or name.startswith(GROUPS):
        return name
    if name == "validation_error":
        return f"{VALIDATION}{error_name(rollouts)}"
    if name.startswith(("validation_", "locations_")):
        return f"{VALIDATION}{name.removeprefix('validation_')}"
    return _EARLIER.get(name, f"{TRAIN}{name}")
