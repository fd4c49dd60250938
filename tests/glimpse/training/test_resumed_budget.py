"""Tests of training on: a run whose budget is raised, or may not be changed, when it is resumed."""

from pathlib import Path

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.experiment import TrainOptions
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.runs.checkpoint import load_newest
from glimpse.runs.metrics_log import read_metrics
from glimpse.training.resumed_budget import describe_complete, describe_new_budget

SMALL = """\
task: {name: digits, glimpses: 2, retina: {patch: 3}}
agent: {name: ram, memory_width: 8, sigma: {start: 0.1, end: 0.1}}
train: {steps: 6, batch: 8, schedule: constant, warmup: 0, log_every: 2, evaluate_every: 100}
track: {mode: disabled}
threads: 1
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a finished run of six steps, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    assert main(["train", "small.yaml", "--run", "run"]) == 0
    return "run"


def weights(run: str) -> dict[str, torch.Tensor]:
    """Return the weights of a run's newest checkpoint."""
    checkpoint = load_newest(Path(run) / "checkpoints", print)
    assert checkpoint is not None
    return checkpoint.weights


def test_a_finished_run_says_that_it_is_complete(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A finished run whose budget is as it was says that it is complete and how to train on; nothing changes."""
    before, config = weights(run), Path(run, "config.yaml").read_bytes()
    capsys.readouterr()
    assert main(["train", "--resume", run]) == 0
    out = capsys.readouterr().out
    assert "run is complete, with 6 steps" in out and "glimpse train --resume run train.steps=12" in out
    assert "instead of" not in out
    assert all(torch.equal(value, before[name]) for name, value in weights(run).items())
    assert Path(run, "config.yaml").read_bytes() == config


@pytest.mark.parametrize("way", ["override", "file", "command"])
def test_raised_steps_train_on(run: str, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    """More steps train on, by an override, in the run's config.yaml, or by the command that began the run.

    With a constant schedule the result is, to the bit, that of a run with as many steps from the start.
    """
    assert main(["train", "small.yaml", "train.steps=12", "--run", "whole"]) == 0
    config = Path(run, "config.yaml")
    capsys.readouterr()
    if way == "file":
        config.write_text(config.read_text().replace("steps: 6", "steps: 12"))
    again = ["train", "small.yaml", "--run", run, "--resume"] if way == "command" else ["train", "--resume", run]
    assert main([*again, *(["train.steps=12"] if way != "file" else [])]) == 0
    out = capsys.readouterr().out
    assert "train.steps=12 instead of train.steps=6: the schedule is now 12 steps long, and 50 % of it is done" in out
    assert load_experiment(config).train.steps == 12
    assert [row["step"] for row in read_metrics(Path(run, "metrics.jsonl"))] == [2, 4, 6, 8, 10, 12]
    whole = weights("whole")
    assert all(torch.equal(value, whole[name]) for name, value in weights(run).items())
    assert main(["train", "--resume", run]) == 0
    assert "run is complete, with 12 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["train.steps=5"], "train.steps is 5, but the run has made 6 steps already: give 6 or more"),
        (["train.minutes=0.00001"], "train.minutes is 1e-05, but the run has trained for 0.0"),
        (["train.steps=12", "agent.memory_width=9"], "run was begun with other values of agent.memory_width."),
        (["train.batch=9", "seed=3"], "run was begun with other values of seed, train.batch. A resumed run may"),
        (["--run", "other"], "--resume run resumes the run in that folder: give no --folder"),
        (["train.stesp=12"], "command line: train.stesp: unknown key (did you mean 'train.steps'?)"),
    ],
)
def test_what_may_not_be_changed_is_refused(
    run: str, given: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Less than is done already, and other values of the config, are refused, and the run is as it was."""
    before = {path: path.read_bytes() for path in Path(run).rglob("*") if path.is_file() and path.name != "lock.holder"}
    capsys.readouterr()
    assert main(["train", "--resume", run, *given]) == 2
    assert f"error: {problem}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    assert main(["train", "--resume", run]) == 0


def test_where_a_run_goes_on_may_be_changed(run: str) -> None:
    """The device, the threads and what is written how often may be changed; the run's config says so afterwards."""
    given = ["threads=2", "device=cpu", "train.log_every=1", "train.keep=1", "track.group=again", "train.steps=8"]
    assert main(["train", "--resume", run, *given]) == 0
    kept = load_experiment(Path(run, "config.yaml"))
    assert (kept.threads, kept.device, kept.train.keep, kept.track.group) == (2, "cpu", 1, "again")
    assert [row["step"] for row in read_metrics(Path(run, "metrics.jsonl"))] == [2, 4, 6, 7, 8]


def test_another_kind_of_budget_is_described() -> None:
    """Steps may follow minutes and minutes steps: the share of the new schedule is counted by hand."""
    by_time = {"steps": None, "minutes": 3.0, "seconds": 90.0}
    line = describe_new_budget(TrainOptions(steps=400), 100, by_time)
    assert line is not None and line.startswith("train.steps=400 instead of train.minutes=3: the schedule is now 400 ")
    assert "25 % of it is done" in line
    line = describe_new_budget(TrainOptions(minutes=6), 100, by_time)
    assert line is not None and "train.minutes=6 instead of train.minutes=3" in line and "25 % of it is done" in line
    assert describe_new_budget(TrainOptions(minutes=3), 100, by_time) is None
    assert describe_new_budget(TrainOptions(steps=400), 100, {"seconds": 1.0}) is None  # An older run.
    with pytest.raises(UserError, match="has trained for 1.50 minutes already"):
        describe_new_budget(TrainOptions(minutes=1), 100, by_time)
    assert "train.minutes=6" in describe_complete(Path("run"), TrainOptions(minutes=3), 100)
