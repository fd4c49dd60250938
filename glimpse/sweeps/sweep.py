"""`glimpse sweep`: train trials of a config with other values, and rank them by validation data alone."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution
from optuna.trial import Trial, TrialState

from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.runs.durable import replace_file, reporting_write_errors
from glimpse.runs.metric_names import BEST_ERROR, read_run_metrics
from glimpse.runs.run_folder import RunFolder
from glimpse.sweeps.jobs import Job, Workers
from glimpse.sweeps.search_space import overrides_of, parse_space
from glimpse.sweeps.study import PrunerName, SamplerName, ask, open_study, unfinished

_PAUSE = 0.2
_STOPPED = (143, 130)
"""Exit codes of a training that was asked to stop."""


@dataclass(frozen=True)
class Sweep:
    """What a sweep tries.

    config: the config that all trials share.
    fixed: overrides that all of them share.
    searched: the words `KEY=FORM(...)` of the values that differ.
    trials: how many.
    sampler: which of Optuna's samplers chooses the values.
    pruner: which of its pruners stops trials that are behind.
    seed: of the sampler.
    """

    config: str
    fixed: tuple[str, ...]
    searched: tuple[str, ...]
    trials: int
    sampler: SamplerName = "tpe"
    pruner: PrunerName = "none"
    seed: int = 0

    @property
    def space(self) -> dict[str, BaseDistribution]:
        """The distribution of each key that is searched."""
        return parse_space(self.searched)

    def job(self, folder: Path, trial: Trial) -> Job:
        """Return the training of a trial, in a folder of the sweep's."""
        group = f"track.group={folder.absolute().name}"
        words = (self.config, group, *self.fixed, *overrides_of(trial.params))
        return Job(folder / f"trial-{trial.number:03}", words)

    def check(self) -> None:
        """Try the ends of each range and all choices in the config.

        Raises:
            UserError: if one of them is no valid value, or a key is both fixed and searched.
        """
        for key, distribution in self.space.items():
            if any(word.partition("=")[0] == key for word in self.fixed):
                raise UserError(f"{key} is both fixed and searched: leave out one of them")
            for value in _ends(distribution):
                load_experiment(self.config, [*self.fixed, *overrides_of({key: value})])


def run_sweep(sweep: Sweep, folder: Path, workers: Workers, say: Callable[[str], None]) -> optuna.Study:
    """Train the trials of a sweep, or those that are missing if it was stopped before.

    A trial whose worker is killed is resumed from its last checkpoint. A trial that fails is reported and left out.

    Args:
        sweep: what is tried.
        folder: of the sweep; its trials are run folders in it.
        workers: who trains.
        say: prints a line for the user.

    Raises:
        UserError: if the folder holds another sweep or another process runs it, a value is not valid, or all trials
            fail.
    """
    sweep.check()
    with _opened(sweep, folder):
        study = open_study(folder, sweep.pruner)
        Conductor(sweep, folder, workers, study, say).run()
    if all(trial.state == TrialState.FAIL for trial in study.get_trials(deepcopy=False)):
        raise UserError(f"all {len(study.trials)} trials failed; {folder} has a log of each")
    return study


class Conductor:
    """Loop that gives trials to workers, and hears how good they are."""

    def __init__(
        self, sweep: Sweep, folder: Path, workers: Workers, study: optuna.Study, say: Callable[[str], None]
    ) -> None:
        """Prepare to go on where the study is."""
        self.sweep, self.folder, self.workers, self.study, self.say = sweep, folder, workers, study, say
        self.running: dict[Job, Trial] = {}
        self.behind: set[Job] = set()  # What the pruner has stopped.
        self.reported: dict[Job, int] = {}  # The last step of which the pruner has heard.
        self.waiting = unfinished(study)
        self.asked = len(study.get_trials(deepcopy=False))

    def run(self) -> None:
        """Train until all trials have ended."""
        try:
            while self.waiting or self.running or self.asked < self.sweep.trials:
                self._start()
                for job, code in self.workers.ended().items():
                    self._end(job, code)
                for job in self.running:
                    self._prune(job)
                time.sleep(_PAUSE)
        finally:
            self.workers.close()

    def _start(self) -> None:
        """Give each free worker a trial: one that was interrupted, or a new one."""
        while len(self.running) < self.workers.size and (self.waiting or self.asked < self.sweep.trials):
            if self.waiting:
                trial, word = self.waiting.pop(0), "resumed"
            else:
                trial, word = ask(self.study, self.sweep.space, self.sweep.sampler, self.sweep.seed), "started"
                self.asked += 1
            job = self.sweep.job(self.folder, trial)
            self.say(f"trial {trial.number} {word}: {' '.join(overrides_of(trial.params))}")
            self.running[job] = trial
            self.workers.start(job)

    def _end(self, job: Job, code: int) -> None:
        """Note how a trial has ended, or resume it if its worker was killed."""
        trial = self.running.pop(job)
        best = _best_errors(job)
        if job in self.behind and code in (0, *_STOPPED):
            self.study.tell(trial, state=TrialState.PRUNED)
            self.say(f"trial {trial.number} stopped after step {max(best, default=0)}: it is behind")
        elif code < 0 or code in _STOPPED:
            self.say(f"trial {trial.number}: its worker was killed; it will be resumed")
            self.waiting.insert(0, trial)
        elif code or not best:
            self.study.tell(trial, state=TrialState.FAIL)
            self.say(f"trial {trial.number} failed: {job.last_line() or f'exit code {code}'}")
        else:
            error = best[max(best)]
            self.study.tell(trial, error)
            self.say(f"trial {trial.number} done: validation error {error:.4g}")

    def _prune(self, job: Job) -> None:
        """Report a trial's evaluations, and stop it if it is behind."""
        trial = self.running[job]
        for step, error in _best_errors(job).items():
            if step > self.reported.get(job, 0):
                trial.report(error, step)
                self.reported[job] = step
        if job not in self.behind and trial.should_prune():
            self.behind.add(job)
            self.workers.stop(job)


def _best_errors(job: Job) -> dict[int, float]:
    """Return the least validation error so far at each evaluation of a run, by its step."""
    if not RunFolder(job.folder).has_begun:
        return {}
    rows = read_run_metrics(RunFolder.open(job.folder))
    return {int(row["step"] or 0): float(row[BEST_ERROR] or 0) for row in rows if BEST_ERROR in row}


@contextmanager
def _opened(sweep: Sweep, folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, which keeps what it tries: the same sweep goes on, with more trials if they are asked for.

    Raises:
        UserError: if another sweep, or something else, is in it.
    """
    kept = folder / "sweep.json"
    tried: dict[str, Any] = {
        "config": sweep.config,
        "fixed": [*sweep.fixed],
        "searched": [*sweep.searched],
        "sampler": sweep.sampler,
    }
    tried |= {"pruner": sweep.pruner, "seed": sweep.seed}
    with reporting_write_errors(folder):
        if folder.exists() and not kept.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} is not an empty folder. Choose another one with --folder")
        if kept.exists() and (other := _differing(kept, tried)):
            raise UserError(f"{folder} holds a sweep with other {', '.join(other)}. Choose another --folder")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / "lock", blocking=False):
                replace_file(kept, (json.dumps(tried, indent=1) + "\n").encode())
                yield
        except Timeout:
            raise UserError(f"{folder}: another process runs this sweep. Wait until it ends, or stop it") from None


def _differing(kept: Path, tried: dict[str, Any]) -> list[str]:
    """Return what is different in a sweep that is in a folder."""
    try:
        known = json.loads(kept.read_text())
        return [name for name, value in tried.items() if known.get(name) != value]
    except (OSError, ValueError, AttributeError):
        raise UserError(f"{kept} is damaged. Restore it, or choose another --folder") from None


def _ends(distribution: BaseDistribution) -> Sequence[Any]:
    """Return the values between which a distribution's lie, or all of its choices."""
    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return distribution.choices
    assert isinstance(distribution, optuna.distributions.FloatDistribution | optuna.distributions.IntDistribution)
    return distribution.low, distribution.high
