"""Tests of the names of metrics: their groups, and files that earlier versions have logged."""

import json
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.runs.metric_names import GROUPS, error_name, in_group, plain_name, read_run_metrics
from glimpse.runs.run_folder import RunFolder

OLD = [
    {"step": 5, "loss": 2.5, "policy_loss": 0.1, "keep_rate": 0.5, "learning_rate": 0.01, "seconds": 1.0},
    {"step": 10, "validation_error": 8.5, "validation_rationale_f1": 0.5, "locations_entropy": 3.0, "reward": None},
]
NEW = [
    {
        "step": 5,
        "train/loss": 2.5,
        "train/policy_loss": 0.1,
        "train/keep_rate": 0.5,
        "train/learning_rate": 0.01,
        "speed/seconds": 1.0,
    },
    {
        "step": 10,
        "val/error_m4": 8.5,
        "val/rationale_f1": 0.5,
        "val/locations_entropy": 3.0,
        "train/reward": None,
    },
]
"""The same by present names, of a run that averages four rollouts."""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Return a run without metrics, whose evaluation averages four rollouts."""
    return RunFolder.create(tmp_path / "run", dump_experiment(load_experiment("digits-ram", ["evaluate.copies=4"])))


def test_groups() -> None:
    """A name is put into a group and taken out of it; a name that only looks like one is left alone."""
    assert in_group("val/", {error_name(10): 1.0}) == {"val/error_m10": 1.0}
    assert [plain_name(f"{group}loss") for group in GROUPS] == ["loss"] * len(GROUPS)
    assert plain_name("training/loss") == "training/loss" and plain_name("step") == "step"


@pytest.mark.parametrize("rows", [OLD, NEW, [OLD[0], NEW[1]]], ids=["old", "new", "resumed"])
def test_rows_of_any_version_have_the_present_names(run: RunFolder, rows: list[dict[str, float]]) -> None:
    """Old names are given their groups, present ones stay, and a run that was resumed may have both."""
    run.metrics_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_run_metrics(run) == NEW


def test_commands_read_old_metrics(run: RunFolder, tmp_path: Path) -> None:
    """Tables and reports of a run that an earlier version has logged are those of today's names."""
    for rows in (OLD, NEW):
        run.metrics_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert main(["report", str(run.path), "--csv", str(tmp_path / f"{len(list(tmp_path.iterdir()))}.csv")]) == 0
    old, new = sorted(tmp_path.glob("*.csv"))
    assert old.read_text() == new.read_text() and "val/error_m4" in old.read_text()
