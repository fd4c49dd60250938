"""Rows of a run's log: terms of a training batch, what was measured on validation data, and the speed."""

import time
from collections.abc import Mapping, Sequence

from torch import Tensor

from glimpse.runs.metric_names import LEARNING_RATE, SECONDS, STEPS_PER_SECOND, TRAIN, VALIDATION, in_group


class MetricRows:
    """Maker of rows, which measures the speed from one to the next, without the time of evaluations."""

    def __init__(self) -> None:
        """Start to measure the speed at step 0."""
        self.start_from(0)

    def start_from(self, step: int) -> None:
        """Measure the speed from a step on, which was made now."""
        self._step, self._begun, self._evaluating = step, time.perf_counter(), 0.0

    def evaluated(self, seconds: float) -> None:
        """Leave the seconds of an evaluation out of the speed."""
        self._evaluating += seconds

    def training_row(self, step: int, terms: Mapping[str, Tensor], rate: float, seconds: float) -> dict[str, float]:
        """Return the metrics after a step; this waits for the device, so it is not done at each step.

        Args:
            step: number of steps made.
            terms: metrics of the step's batch by name.
            rate: learning rate of the step.
            seconds: seconds of training so far.
        """
        numbers = in_group(TRAIN, {name: float(value) for name, value in terms.items()})
        spent = time.perf_counter() - self._begun - self._evaluating
        row = {**numbers, LEARNING_RATE: rate, SECONDS: round(seconds, 3)}
        if step > self._step:
            row[STEPS_PER_SECOND] = round((step - self._step) / max(spent, 1e-9), 3)
        self.start_from(step)
        return row


def headline(row: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Return the few metrics that the progress line shows: the first validation metric of names, loss, and accuracy."""
    validation = [key for key in in_group(VALIDATION, dict.fromkeys(names)) if key in row]
    return {key: row[key] for key in (*validation[:1], f"{TRAIN}loss", f"{TRAIN}accuracy") if key in row}
