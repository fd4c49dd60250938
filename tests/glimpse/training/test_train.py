"""Tests of training: stopping it anywhere and resuming gives exactly the run that was never stopped."""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

import glimpse.runs.durable
import glimpse.training.episode_learner
import glimpse.training.train
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.envs.errors import DataError
from glimpse.errors import UserError
from glimpse.evaluation.episode_evaluator import EpisodeEvaluator
from glimpse.evaluation.evaluator import ValidationResult
from glimpse.runs.checkpoint import Checkpoint, load_newest
from glimpse.runs.metric_names import GROUPS, SPEED
from glimpse.runs.metrics_log import read_metrics
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.tracker import Tracker
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.train import train_command
from tests import forked

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("train")

STEPS = 40


def small_experiment(**train: object) -> Experiment:
    """Return RAM on digits with everything that has a state: average, copies, moving baseline."""
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 3, "initial_location": "random"},
            "agent": {"name": "ram", "memory_width": 16, "feature_width": 16, "baseline": "moving_average"},
            "train": {
                "steps": STEPS,
                "batch": 16,
                "copies": 2,
                "log_every": 5,
                "evaluate_every": 10,
                "save_every": 7,
                "augment": {"rotation": 10, "shift": 1},
                **train,
            },
            "evaluate": {"batch": 500, "copies": 2},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


def final_weights(run: Path) -> dict[str, Tensor]:
    """Return averaged and raw weights of the newest checkpoint, which must be of the last step."""
    checkpoint = load_newest(run / "checkpoints", pytest.fail)
    assert checkpoint is not None and checkpoint.step == STEPS
    raw = checkpoint.state["learner"]["agent"]
    return {**checkpoint.weights, **{f"raw {name}": value for name, value in raw.items()}}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that was never stopped."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert train_command(small_experiment(), run, resume=False) == 0
    return run


def assert_same_run(run: Path, whole: Path) -> None:
    """Assert that two runs have exactly equal weights, and equal rows of metrics except for the clock."""
    expected, got = final_weights(whole), final_weights(run)
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)

    def rows(path: Path) -> list[dict[str, object]]:
        rows = read_metrics(path / "metrics.jsonl")
        return [{name: value for name, value in row.items() if not name.startswith(SPEED)} for row in rows]

    assert rows(run) == rows(whole)


def kill_runs(folder: Path, patches: dict[str, str]) -> None:
    """Train once for each patch, in a process that kills itself where the patch says."""
    names = {"glimpse": glimpse, "Path": Path, "die": lambda: os.kill(os.getpid(), signal.SIGKILL)}
    for moment, patch in patches.items():

        def train(moment: str = moment, patch: str = patch) -> int:
            exec(patch, names)
            return train_command(small_experiment(), folder / moment, False)

        assert forked.run(train) == -signal.SIGKILL, moment


def resume(run: Path) -> int:
    """Resume a run as the command line does."""
    return train_command(small_experiment(), run, resume=True)


def test_a_run_leaves_its_record(uninterrupted: Path) -> None:
    """A run's folder has its config, its metrics, and its best and newest checkpoints."""
    rows = read_metrics(uninterrupted / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(5, STEPS + 1, 5))
    assert [row["step"] for row in rows if "val/error_m2" in row] == [10, 20, 30, 40]
    trained = {"loss", "cross_entropy", "policy_loss", "accuracy", "learning_rate", "reward", "grad_norm"}
    assert {f"train/{name}" for name in trained} | {"speed/seconds", "speed/steps_per_second"} <= rows[0].keys()
    assert all(name == "step" or name.startswith(GROUPS) for row in rows for name in row)
    assert load_newest(uninterrupted / "best", pytest.fail) is not None
    assert RunFolder.open(uninterrupted).config_text == dump_experiment(small_experiment())


def test_the_same_seed_gives_the_same_run_and_another_seed_does_not(uninterrupted: Path, tmp_path: Path) -> None:
    """The config with its seed determines the run exactly; another seed gives other weights."""
    train_command(small_experiment(), tmp_path / "again", resume=False)
    assert_same_run(tmp_path / "again", uninterrupted)
    other = small_experiment().model_copy(update={"seed": 1})
    train_command(other, tmp_path / "other", resume=False)
    ours, theirs = final_weights(uninterrupted), final_weights(tmp_path / "other")
    assert not torch.equal(ours["classifier.weight"], theirs["classifier.weight"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_after_a_step_and_saves(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """SIGTERM or SIGINT ends the run after the current step, saved, with exit code 143 or 130; it can be resumed."""
    learn = EpisodeLearner.learn

    def interrupted(self: EpisodeLearner, *arguments: object) -> object:
        if self.step == 17:
            os.kill(os.getpid(), number)
        return learn(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(EpisodeLearner, "learn", interrupted)
        assert train_command(small_experiment(), tmp_path / "run", resume=False) == 128 + number
    checkpoint = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert checkpoint is not None and checkpoint.step == 18
    assert resume(tmp_path / "run") == 0
    assert_same_run(tmp_path / "run", uninterrupted)


DEATHS = {
    # In the middle of an update, long after the last checkpoint.
    "update": "module = glimpse.training.episode_learner; old = module.EpisodeLearner._update\n"
    "module.EpisodeLearner._update = lambda self: die() if self.step == 25 else old(self)",
    # Between the files of a checkpoint: the third save writes half of itself.
    "save": "calls = []; old = glimpse.runs.durable.os.fsync\n"
    "glimpse.runs.durable.os.fsync = lambda file: die() if Path('/proc/self/fd', str(file)).resolve().parent.name"
    ".startswith('.tmp-') and calls.append(1) is None and len(calls) == 8 else old(file)",
    "first": "glimpse.training.training.save_checkpoint = lambda *a, **k: die()",  # Before the first checkpoint.
}
"""What makes a process kill itself, by the moment."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of runs that were killed, by the moment."""
    folder = tmp_path_factory.mktemp("killed")
    kill_runs(folder, DEATHS)
    return folder


@pytest.mark.parametrize("moment", DEATHS)
def test_a_run_resumes_exactly_after_kill_9(uninterrupted: Path, killed: Path, moment: str) -> None:
    """After kill -9 at any moment, the resumed run ends with exactly the same weights."""
    assert not any(path.name == f"step-{STEPS:09d}" for path in (killed / moment).glob("checkpoints/*"))
    assert resume(killed / moment) == 0
    assert_same_run(killed / moment, uninterrupted)


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_newest_checkpoint_is_set_aside_and_the_one_before_is_used(
    uninterrupted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    """A damaged checkpoint is set aside, and the steps since the one before are repeated."""
    learn = EpisodeLearner.learn

    def interrupted(self: EpisodeLearner, *arguments: object) -> object:
        if self.step == 29:
            os.kill(os.getpid(), signal.SIGTERM)
        return learn(self, *arguments)  # type: ignore[arg-type]

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(EpisodeLearner, "learn", interrupted)
        train_command(small_experiment(), run, resume=False)
    newest = max(run.glob("checkpoints/step-*")) / "weights.safetensors"
    content = bytearray(newest.read_bytes())
    if damage == "flipped":
        content[-3] ^= 1
    newest.write_bytes(content if damage == "flipped" else content[:-100])
    assert resume(run) == 0
    assert "resuming" in (out := capsys.readouterr().out) and "after step 28" in out
    assert list(run.glob("checkpoints/.bad-*"))
    assert_same_run(run, uninterrupted)


def test_a_second_process_on_the_same_run_is_refused(uninterrupted: Path, tmp_path: Path) -> None:
    """A second process is refused with the number of the one that holds the lock."""
    folder = RunFolder.create(tmp_path / "run", dump_experiment(small_experiment()))
    with folder.lock(), pytest.raises(UserError, match=rf"in use by process {os.getpid()}"):
        resume(tmp_path / "run")


def test_a_run_without_its_data_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose data are missing leaves no folder, so the same command works once they are there."""
    for name in ("GLIMPSE_DATA", "GLIMPSE_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    given = {"task": {"name": "mnist"}, "agent": {"name": "ram"}, "train": {"steps": 1}, "data": {"download": False}}
    with pytest.raises(DataError, match="mnist was found nowhere"):
        train_command(Experiment.model_validate(given), tmp_path / "runs" / "a", resume=False)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_stop_before_the_first_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that is interrupted before its first step draws no picture for its tracker, and gives its folder back."""

    def interrupted(*_: object) -> Tracker:
        os.kill(os.getpid(), signal.SIGINT)
        tracker = Tracker()
        tracker.active = True
        return tracker

    monkeypatch.setattr(glimpse.training.train, "start_tracking", interrupted)
    assert train_command(small_experiment(), tmp_path / "run", resume=False) == 130
    assert "stopped before the first step; nothing was kept" in capsys.readouterr().out
    assert os.listdir(tmp_path) == []


def test_a_taken_folder_is_refused_and_left_alone(uninterrupted: Path) -> None:
    """A new run never overwrites an old one."""
    before = final_weights(uninterrupted)
    with pytest.raises(UserError, match="already holds a run.*--resume"):
        train_command(small_experiment(), uninterrupted, resume=False)
    assert all(torch.equal(value, before[name]) for name, value in final_weights(uninterrupted).items())


def test_nan_stops_with_step_and_name_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN ends the run with an error that names the step and the loss term; the last good checkpoint is kept."""
    learn = EpisodeLearner.learn

    def poisoned(self: EpisodeLearner, episode: object) -> object:
        if self.step == 17:
            with torch.no_grad():
                cast(RecurrentAttention, self.agent).classifier.weight[0, 0] = float("nan")
        return learn(self, episode)  # type: ignore[arg-type]

    monkeypatch.setattr(EpisodeLearner, "learn", poisoned)
    with pytest.raises(UserError, match=r"step 17: .*cross_entropy.* not finite"):
        train_command(small_experiment(), tmp_path / "run", resume=False)
    checkpoint = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert checkpoint is not None and checkpoint.step == 14
    assert all(value.isfinite().all() for value in checkpoint.weights.values())


def test_provisional_results_count_until_a_final_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest provisional result is the best until a final one comes; then the best final result is."""
    results = iter([(5.0, True), (9.0, True), (30.0, False), (3.0, True), (20.0, False), (25.0, False), (1.0, True)])
    saved: list[int] = []

    def validate(*given: object) -> ValidationResult:
        error, provisional = next(results)
        return ValidationResult(error, {}, provisional=provisional)

    def save(folder: Path, checkpoint: Checkpoint, keep: int) -> None:
        if folder.name == "best":
            saved.append(checkpoint.step)

    monkeypatch.setattr(EpisodeEvaluator, "validate", validate)
    monkeypatch.setattr("glimpse.training.training.save_checkpoint", save)
    assert train_command(small_experiment(steps=7, evaluate_every=1), tmp_path / "run", resume=False) == 0
    assert saved == [1, 2, 3, 5] and "best validation error 20.00 % (M = 2)\n" in capsys.readouterr().out
    results = iter([(5.0, True)])
    assert train_command(small_experiment(steps=1), tmp_path / "other", resume=False) == 0
    assert "best validation none that counts: each was of the warm-up" in capsys.readouterr().out


def test_training_by_time_resumes_to_the_bit(tmp_path: Path) -> None:
    """A run by time is continued from an earlier checkpoint with the recorded progress: the same steps and weights."""
    experiment = small_experiment(steps=None, minutes=0.03, save_every=2, keep=1000)
    assert train_command(experiment, tmp_path / "run", resume=False) == 0
    final = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert final is not None and final.step > 4
    saved = sorted((tmp_path / "run/checkpoints").iterdir())
    for later in saved[1:]:
        shutil.rmtree(later)
    assert train_command(experiment, tmp_path / "run", resume=True) == 0
    again = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert again is not None and again.step == final.step
    assert all(torch.equal(again.weights[name], value) for name, value in final.weights.items())
    assert train_command(experiment, tmp_path / "run", resume=True) == 0  # There is nothing left to do.
    newest = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert newest is not None and newest.step == final.step


def test_more_minutes_continue_a_finished_run(tmp_path: Path) -> None:
    """A finished run whose budget of time is raised trains on from its last step, with the progress of the new one."""
    assert train_command(small_experiment(steps=None, minutes=0.01), tmp_path / "run", resume=False) == 0
    first = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert first is not None
    assert train_command(small_experiment(steps=None, minutes=0.03), tmp_path / "run", resume=True) == 0
    more = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert more is not None and more.step > first.step
    assert more.state["seconds"] > 0.6 + first.state["seconds"] / 2


def test_the_command_line_stops_on_sigterm(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """SIGTERM ends the command with exit code 143, a saved checkpoint, and the command that resumes it."""
    config, run = tmp_path / "small.yaml", tmp_path / "run"
    config.write_text(dump_experiment(small_experiment(steps=100_000)))
    process = forked.begin(lambda: forked.glimpse("train", config, "--run", run))
    deadline = time.monotonic() + 120
    while not (run / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process, signal.SIGTERM)
    code, output = forked.join(process), capfd.readouterr().out
    assert code == 143, output
    assert f"glimpse train --resume {run}" in output
    step = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    checkpoint = load_newest(run / "checkpoints", pytest.fail)
    assert checkpoint is not None and checkpoint.step >= step
