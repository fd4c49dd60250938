"""Pace of a training: the progress of a budget of time and the number of threads, decided by the clock and recorded."""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from glimpse.config.experiment import Experiment
from glimpse.runs.threads import fixed_threads, free_cores, most_threads, seconds_waited
from glimpse.training.budget import TrainingClock, make_budget
from glimpse.training.step_record import Decided, StepRecord
from glimpse.training.thread_choice import ThreadChoice

_WAITED = 0.08
"""Share of the time that the main thread waits for a core, from which on the machine is called shared."""
_WINDOW, _SILENCE = 2.0, 300.0
"""Seconds over which that share is measured, and seconds between two notes of it."""


class Pace:
    """Clock, budget and number of threads of a training; a resumed run follows what was recorded for its steps."""

    def __init__(
        self, experiment: Experiment, device: torch.device, path: Path, say: Callable[[str], None], evaluation: float
    ) -> None:
        """Prepare a training on a device, whose record is at `path`.

        Args:
            experiment: its config.
            device: where it runs; on others than the CPU the number of threads stays as it is.
            path: file of the record.
            say: prints a line for the user.
            evaluation: how many steps an evaluation may last, roughly; used until one was made.

        Raises:
            UserError: if the record cannot be read.
        """
        self.clock = TrainingClock()
        self.record = StepRecord(path)
        self.budget = make_budget(experiment.train, self.clock, self.record)
        self._say, self._evaluation, self._evaluated = say, evaluation, False
        free = fixed_threads(experiment.threads) is None and device.type == "cpu"
        self._choice = ThreadChoice(torch.get_num_threads(), most_threads(), free_cores) if free else None
        self._written = Decided()
        self._waited, self._watched, self._noted = seconds_waited(), time.perf_counter(), -_SILENCE

    def resume(self, step: int, minutes: float | None) -> None:
        """Prepare to continue after `step` steps of a training whose budget of time was `minutes`.

        If the budget is another one now, what was decided for later steps no longer holds.
        """
        if self.budget.seconds is not None and (minutes is None or 60 * minutes != self.budget.seconds):
            self.record.forget_after(step - 1)

    def start(self, step: int, seconds: float) -> None:
        """Let the clock run after `step` steps, which took some seconds."""
        self.clock.start(seconds)
        self._waited, self._watched = seconds_waited(), time.perf_counter()
        choice, recorded = self._choice, self.record.at(step)
        if choice is not None and recorded is not None and recorded.threads is not None:
            self._use(recorded.threads)
        elif choice is not None and choice.threads < choice.most:
            self._note(f"training starts with {choice.threads} of {choice.most} threads, more when cores are free")
        self._decide(step)

    def after_step(self, step: int, seconds: float) -> None:
        """Decide for the next step, when `step` steps are made and the last took some seconds."""
        self._reserve(step)
        recorded = self.record.at(step)
        if recorded is None:
            if self._choice is not None:
                self._choice.took(seconds)
                _set_threads(self._choice.threads)
            self._decide(step)
        elif recorded.threads is not None:
            self._use(recorded.threads)
        self._watch()

    @property
    def left(self) -> float | None:
        """Seconds that are left of a budget of time; None for a budget of updates."""
        if self.budget.seconds is None:
            return None
        return max(0.0, self.budget.seconds - self.budget.reserved - self.clock.seconds)

    def evaluated(self, seconds: float) -> None:
        """Note how long an evaluation lasted: a budget of time keeps as much for the last one."""
        if self.budget.seconds is not None:
            longest = max(seconds, self.budget.reserved) if self._evaluated else seconds
            self.budget.reserved = min(longest, 0.5 * self.budget.seconds)
            self._evaluated = True

    def mark(self, step: int) -> None:
        """Record that the decisions hold until this step: its metrics or a checkpoint are written."""
        self.record.write(step, self._decided(step))

    def _decide(self, step: int) -> None:
        """Record what holds from this step on, if it has changed."""
        decided = self._decided(step)
        if decided != self._written:
            self.record.write(step, decided)
            self._written = decided

    def _decided(self, step: int) -> Decided:
        """Return what holds for a step."""
        progress = None if self.budget.seconds is None else self.budget.progress(step)
        return Decided(progress, self._choice.threads if self._choice else None)

    def _use(self, threads: int) -> None:
        """Run with a recorded number of threads; where the record ends, the choice goes on from it."""
        if self._choice is not None and self._choice.threads != threads:
            self._choice = ThreadChoice(threads, max(threads, self._choice.most), free_cores)
        _set_threads(threads)

    def _reserve(self, step: int) -> None:
        """Estimate the time of an evaluation, as long as none was made."""
        if self.budget.seconds is not None and not self._evaluated:
            mean_step = self.clock.seconds / step
            self.budget.reserved = min(self._evaluation * mean_step, 0.25 * self.budget.seconds)

    def _watch(self) -> None:
        """Say, now and then, if the training waits for cores that other processes use."""
        now = time.perf_counter()
        passed = now - self._watched
        if self._waited is None or passed < _WINDOW:
            return
        waited = seconds_waited() or 0.0
        share = (waited - self._waited) / passed  # Of all that passed, evaluations and saves too.
        self._waited, self._watched = waited, now
        if share > _WAITED:
            threads = torch.get_num_threads()
            has = f"it now has {threads} thread{'s' * (threads > 1)}"
            self._note(f"training waited {100 * share:.0f} % of the last seconds; {has}")

    def _note(self, what: str) -> None:
        """Say that the machine is shared, unless it was said a short while ago."""
        if self.clock.seconds - self._noted >= _SILENCE:
            self._noted = self.clock.seconds
            self._say(f"note: other processes use this machine's cores: {what}")


def _set_threads(threads: int) -> None:
    """Set torch's number of threads, if it is another one."""
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)
