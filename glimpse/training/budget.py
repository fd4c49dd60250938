"""Budgets of training: a number of updates, or a time; and the clock that counts it."""

import math
import time
from abc import ABC, abstractmethod

from glimpse.config.experiment import TrainOptions
from glimpse.training.step_record import StepRecord

_LEVELS = 10_000
"""Progress by time grows in this many levels, so that its record stays small however many steps there are."""


class TrainingClock:
    """Seconds of training, before and after resuming; it stands still until `start`."""

    def __init__(self) -> None:
        """Set the clock to zero."""
        self._before = 0.0
        self._begun: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + (0.0 if self._begun is None else time.perf_counter() - self._begun)

    def start(self, before: float) -> None:
        """Let the clock run, from the seconds that were counted before."""
        self._before, self._begun = before, time.perf_counter()

    def stop(self) -> None:
        """Let the clock stand still."""
        self._before, self._begun = self.seconds, None


class Budget(ABC):
    """Amount of training, as a fraction of which progress is measured."""

    steps: int | None
    """Number of updates; None for a budget of time."""
    seconds: float | None = None
    """Time in seconds; None for a budget of updates."""
    reserved = 0.0
    """Seconds that a budget of time keeps for the evaluation at the end."""

    @abstractmethod
    def progress(self, step: int) -> float:
        """Return the fraction of training done after `step` updates, in [0, 1]; training ends at 1."""


class Updates(Budget):
    """Budget of a number of updates."""

    def __init__(self, steps: int) -> None:
        """Remember the number."""
        self.steps: int = steps

    def progress(self, step: int) -> float:
        """Return the share of the updates that are done."""
        return min(1.0, step / self.steps)


class Minutes(Budget):
    """Budget of time: progress is the share of the time that has passed, so that training ends on time at any speed.

    The progress of a step is decided once, when it is first asked for, and never falls.
    """

    def __init__(self, minutes: float, clock: TrainingClock, record: StepRecord) -> None:
        """Measure progress by a clock, or read it from the record of an earlier process."""
        self.steps = None
        self.seconds: float = 60 * minutes
        self._clock, self._record = clock, record
        self._step, self._progress = -1, 0.0

    def progress(self, step: int) -> float:
        """Return the share of the time that had passed when `step` updates were made."""
        if step != self._step:
            recorded = self._record.at(step)
            if recorded is None or recorded.progress is None:
                passed = self._clock.seconds / max(1e-9, self.seconds - self.reserved)
                self._progress = max(self._progress, math.floor(_LEVELS * min(1.0, passed)) / _LEVELS)
            else:
                self._progress = recorded.progress
            self._step = step
        return self._progress


def make_budget(options: TrainOptions, clock: TrainingClock, record: StepRecord) -> Budget:
    """Make the budget of a config: `train.steps`, or `train.minutes` by a clock."""
    if options.minutes is not None:
        return Minutes(options.minutes, clock, record)
    assert options.steps is not None  # The config has checked that one of them is given.
    return Updates(options.steps)
