"""Tests of early stopping by `train.patience`."""

import re
import shutil
from pathlib import Path

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.evaluation.episode_evaluator import EpisodeEvaluator
from glimpse.evaluation.evaluator import ValidationResult
from glimpse.reproduction import reproduce
from glimpse.runs.checkpoint import load_newest
from glimpse.runs.metric_names import BEST_ERROR, SECONDS
from glimpse.runs.metrics_log import read_metrics
from glimpse.runs.run_folder import RunFolder
from glimpse.training.patience import Patience
from glimpse.training.train import train_command

ERRORS = (50.0, 40.0, 45.0, 40.0, 30.0, 31.0, 30.0, 33.0, 20.0, 10.0)
"""Validation errors after 2, 4, 6, ... steps."""


def _experiment(patience: int | None, steps: int = 20, log_every: int = 1) -> Experiment:
    train = {"steps": steps, "batch": 4, "evaluate_every": 2, "save_every": 1, "keep": 99, "log_every": log_every}
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 2},
            "agent": {"name": "random", "memory_width": 4, "feature_width": 4},
            "train": {**train, "patience": patience, "precision": "float32"},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make evaluations return `ERRORS` by the numbers in a list; of two equal errors the later is the better."""
    numbers = list(range(len(ERRORS)))

    def validate(self: EpisodeEvaluator, agent: torch.nn.Module, *_: object) -> ValidationResult:
        return ValidationResult(ERRORS[numbers.pop(0)], {}, later=True)

    monkeypatch.setattr("glimpse.evaluation.image_evaluator.ImageEvaluator.validate", validate)
    return numbers


@pytest.mark.parametrize(("patience", "ended"), [(1, 6), (2, 8), (3, 16), (4, 20), (None, 20)])
def test_training_ends_after_so_many_evaluations_without_a_lower_error(
    script: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str], patience: int | None, ended: int
) -> None:
    """An equal error is no improvement; the best weights are still those that were best."""
    assert train_command(_experiment(patience), tmp_path / "run", resume=False) == 0
    assert read_metrics(tmp_path / "run" / "metrics.jsonl")[-1]["step"] == ended
    newest = load_newest(tmp_path / "run" / "checkpoints", pytest.fail)
    assert newest is not None and newest.step == ended
    said = capsys.readouterr().out
    assert (f"ended early at step {ended}: {patience} evaluation" in said) == (ended < 20)
    assert "best validation error" in said


def test_the_last_row_says_how_long_the_training_took(script: list[int], tmp_path: Path) -> None:
    """Also where it is not one of every few steps that are logged; result tables ask for it, and train no more."""
    run = tmp_path / "run"
    assert train_command(_experiment(2, log_every=5), run, resume=False) == 0
    *_, last = read_metrics(run / "metrics.jsonl")
    assert last["step"] == 8 and {SECONDS, "train/loss", BEST_ERROR} <= set(last)
    assert reproduce._is_finished(RunFolder.open(run))
    assert train_command(_experiment(9, steps=4, log_every=5), tmp_path / "other", resume=False) == 0
    folder = RunFolder.open(tmp_path / "other")
    folder.replace_config(dump_experiment(_experiment(9)))
    assert not reproduce._is_finished(folder)


def test_a_resumed_run_ends_at_the_same_step(
    script: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped anywhere, it ends with the weights of the run that was never stopped, and is complete then."""
    assert train_command(_experiment(2), tmp_path / "whole", resume=False) == 0
    for step in (1, 5, 6, 7):
        run = tmp_path / str(step)
        shutil.copytree(tmp_path / "whole", run)
        for later in range(step + 1, 9):
            shutil.rmtree(run / "checkpoints" / f"step-{later:09d}")
        script[:] = range(step // 2, len(ERRORS))
        assert train_command(_experiment(2), run, resume=True) == 0
        ended, whole = (load_newest(one / "checkpoints", pytest.fail) for one in (run, tmp_path / "whole"))
        assert ended is not None and whole is not None and ended.step == whole.step == 8
        assert all(torch.equal(ended.weights[name], whole.weights[name]) for name in whole.weights)
        assert ended.state["waited"] == whole.state["waited"] == 2
    capsys.readouterr()
    assert main(["train", "--resume", str(tmp_path / "whole")]) == 0
    said = capsys.readouterr().out
    assert "is complete: it ended early after 8 steps, since 2 evaluations in a row brought no lower" in said
    assert "train.patience=4" in said and "ended early at step" not in said
    script[:] = range(4, len(ERRORS))
    assert main(["train", "--resume", str(tmp_path / "whole"), "train.patience=4"]) == 0
    assert re.search(r"done in [\d.]+ seconds; best", capsys.readouterr().out)
    assert read_metrics(tmp_path / "whole" / "metrics.jsonl")[-1]["step"] == 20


def test_patience_counts_from_the_last_lower_error() -> None:
    """Errors 3, 2, 2, 4, 1 leave counts of 0, 0, 1, 2, 0; without patience nothing is exhausted."""
    patience, endless, best, counts = Patience(2), Patience(None), float("inf"), []
    for error in (3.0, 2.0, 2.0, 4.0, 1.0):
        patience.note(error, best)
        endless.note(error, best)
        best = min(best, error)
        counts.append((patience.waited, patience.exhausted))
    assert counts == [(0, False), (0, False), (1, False), (2, True), (0, False)]
    assert not endless.exhausted
