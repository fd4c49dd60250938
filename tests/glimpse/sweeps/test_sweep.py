"""Tests of sweeps, with workers that pretend: a trial's error is a known function of what it tries."""

import json
import math
from pathlib import Path

import pytest

from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.run_folder import RunFolder
from glimpse.sweeps.jobs import Job
from glimpse.sweeps.study import open_study
from glimpse.sweeps.sweep import Sweep, run_sweep
from glimpse.sweeps.sweep_results import importance, trial_rows, write_trials

SWEEP = Sweep(
    "digits-ram",
    ("train.steps=40",),
    ("train.learning_rate=log(1e-4,1e-1)", "agent.sigma.end=choice(0.03,0.05)"),
    trials=12,
    sampler="random",
)


def error_of(job: Job) -> float:
    """Return the error that a trial ends with: best at a learning rate of .01, whatever else is tried."""
    rate = load_experiment(job.words[0], job.words[1:]).train.learning_rate
    return 10 + abs(math.log10(rate) + 2)


class Pretended:
    """Workers that log two evaluations of a trial at once; some are killed, or the sweep is stopped after some."""

    def __init__(self, size: int = 1, killed: tuple[str, ...] = (), stopped_after: int = 10**6) -> None:
        """Kill the named trials once, and end the sweep like Ctrl-C after a number of trials."""
        self.size, self.killed, self.left = size, list(killed), stopped_after
        self.running: list[Job] = []
        self.asked_to_stop: list[str] = []
        self.started: list[str] = []

    def start(self, job: Job) -> None:
        """Write what a training would, but the end of one that is killed."""
        self.started.append(job.folder.name)
        self.running.append(job)
        folder = RunFolder(job.folder)
        if not folder.has_begun:
            RunFolder.create(job.folder, "task: none\n")
            MetricsLog(folder.metrics_path).write({"step": 20, "val/best_error": 2 * error_of(job)})

    def ended(self) -> dict[Job, int]:
        """End all that run, after the pruner was heard."""
        if self.left <= 0:
            raise KeyboardInterrupt
        over = {}
        for job in self.running:
            if job.folder.name in self.killed:
                self.killed.remove(job.folder.name)
                over[job] = -9
            elif job.folder.name in self.asked_to_stop:
                over[job] = 143
            else:
                MetricsLog(RunFolder(job.folder).metrics_path).write({"step": 40, "val/best_error": error_of(job)})
                over[job] = 0
        self.running.clear()
        self.left -= len(over)
        return over

    def stop(self, job: Job) -> None:
        """Note that a trial is to stop."""
        self.asked_to_stop.append(job.folder.name)

    def close(self) -> None:
        """Have nothing to stop."""


def test_the_best_trial_is_that_with_the_least_error(tmp_path: Path) -> None:
    """All trials are ranked by their errors, and the key that matters is found."""
    study = run_sweep(SWEEP, tmp_path / "sweep", Pretended(), print)
    rows = trial_rows(study)
    errors = [row["validation error"] for row in rows]
    assert len(rows) == 12 and errors == sorted(errors)
    assert errors[0] == pytest.approx(min(10 + abs(math.log10(row["train.learning_rate"]) + 2) for row in rows))
    weights = importance(study)
    assert sum(weights.values()) == pytest.approx(1) and weights["train.learning_rate"] > 0.7
    write_trials(study, tmp_path / "sweep")
    header, first, *_ = (tmp_path / "sweep/trials.csv").read_text().splitlines()
    assert header == "trial,outcome,validation error,train.learning_rate,agent.sigma.end"
    assert first.startswith(f"{rows[0]['trial']},trained,")
    assert (tmp_path / "sweep/sweep.png").read_bytes().startswith(b"\x89PNG")


def test_kills_and_stops_change_nothing(tmp_path: Path) -> None:
    """A sweep with killed workers, stopped twice and run again, has the trials of one that was never disturbed."""
    whole = trial_rows(run_sweep(SWEEP, tmp_path / "whole", Pretended(), print))
    disturbed = tmp_path / "disturbed"
    for stopped_after in (3, 4):
        with pytest.raises(KeyboardInterrupt):
            run_sweep(SWEEP, disturbed, Pretended(2, ("trial-001", "trial-004"), stopped_after), print)
    workers = Pretended(2)
    assert trial_rows(run_sweep(SWEEP, disturbed, workers, print)) == whole
    assert "trial-000" not in workers.started and "trial-011" in workers.started
    assert trial_rows(run_sweep(SWEEP, disturbed, Pretended(), print)) == whole  # Nothing is left to do.


def test_a_trial_that_is_behind_is_stopped(tmp_path: Path) -> None:
    """The pruner hears each evaluation, and a trial that it stops is neither trained nor failed."""
    workers = Pretended()
    sweep = Sweep(SWEEP.config, SWEEP.fixed, SWEEP.searched, trials=14, sampler="random", pruner="median")
    rows = trial_rows(run_sweep(sweep, tmp_path / "sweep", SlowToEnd(workers), print))
    stopped = [row["trial"] for row in rows if row["outcome"] == "stopped"]
    assert stopped and set(stopped) == set(workers.asked_to_stop)
    assert all(row["validation error"] is None for row in rows if row["trial"] in stopped)


class SlowToEnd(Pretended):
    """Workers whose trials end a round later, so that the pruner has the time to stop them."""

    def __init__(self, workers: Pretended) -> None:
        """Follow other workers."""
        super().__init__()
        self._workers, self._seen = workers, False
        self.asked_to_stop, self.started = workers.asked_to_stop, workers.started

    def ended(self) -> dict[Job, int]:
        """End nothing at first."""
        self._seen = not self._seen
        return {} if self._seen else super().ended()


def test_a_failed_trial_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trial whose training fails is said with its last line, and the others are ranked."""

    class OneFails(Pretended):
        def ended(self) -> dict[Job, int]:
            over = super().ended()
            return {job: 2 if job.folder.name == "trial-002" else code for job, code in over.items()}

        def start(self, job: Job) -> None:
            super().start(job)
            job.log.write_text("step 1\nerror: no memory\n\n")

    rows = trial_rows(run_sweep(SWEEP, tmp_path / "sweep", OneFails(), print))
    assert rows[-1]["trial"] == "trial-002" and rows[-1]["outcome"] == "failed"
    assert "trial 2 failed: error: no memory" in capsys.readouterr().out


def test_a_sweep_of_failures_is_one(tmp_path: Path) -> None:
    """A sweep whose trials all fail says where their logs are."""

    class AllFail(Pretended):
        def ended(self) -> dict[Job, int]:
            return dict.fromkeys(super().ended(), 2)

    with pytest.raises(UserError, match="all 12 trials failed; .* has a log of each"):
        run_sweep(SWEEP, tmp_path / "sweep", AllFail(), print)


def test_wrong_sweeps_are_refused(tmp_path: Path) -> None:
    """A value that no config takes, a key given twice, and a folder of another sweep are refused before any trial."""
    for fixed, searched, problem in (
        ((), ("train.learning_rate=uniform(-1,1)",), "learning_rate"),
        ((), ("agent.sigma.end=choice(0.1,x)",), "agent.sigma.end"),
        ((), ("train.rate=uniform(0.1,1)",), "train.rate"),
        (("train.batch=4",), ("train.batch=choice(4,8)",), "both fixed and searched"),
    ):
        with pytest.raises(UserError, match=problem):
            run_sweep(Sweep("digits-ram", fixed, searched, 2), tmp_path / "none", Pretended(), print)
    assert not (tmp_path / "none").exists()
    run_sweep(SWEEP, tmp_path / "sweep", Pretended(), print)
    other = Sweep("digits-ram", (), SWEEP.searched, 2)
    with pytest.raises(UserError, match="other fixed, sampler"):
        run_sweep(other, tmp_path / "sweep", Pretended(), print)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        run_sweep(SWEEP, tmp_path / "full", Pretended(), print)
    (tmp_path / "sweep/sweep.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        run_sweep(SWEEP, tmp_path / "sweep", Pretended(), print)


def test_trials_are_runs_of_one_group(tmp_path: Path) -> None:
    """Each trial is trained by one command, in a folder of the sweep, and trackers show all as a group."""
    jobs: list[Job] = []

    class Noting(Pretended):
        def start(self, job: Job) -> None:
            jobs.append(job)
            super().start(job)

    run_sweep(SWEEP, tmp_path / "mine", Noting(), print)
    assert [job.folder for job in jobs] == [tmp_path / "mine" / f"trial-{number:03}" for number in range(12)]
    assert all(load_experiment(job.words[0], job.words[1:]).track.group == "mine" for job in jobs)
    first = jobs[0].command()
    assert first[2:5] == ["glimpse", "train", "--resume"]  # It has made a step.
    assert json.loads((tmp_path / "mine/sweep.json").read_text())["config"] == "digits-ram"
    assert len(open_study(tmp_path / "mine", "none").trials) == 12
