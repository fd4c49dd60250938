"""Tests of runs of agents that see the whole image: the config's rules, training, evaluation and report."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from glimpse.config.experiment import Experiment
from glimpse.evaluation.evaluate import evaluate_run
from glimpse.reporting.report import report_command
from glimpse.runs.run_folder import RunFolder
from glimpse.training.train import train_command

WHOLE = {"name": "digits", "view": "whole"}


def experiment(task: dict[str, Any], agent: dict[str, Any], **train: Any) -> Experiment:
    """Return a short run on digits."""
    given = {"steps": 30, "batch": 32, "evaluate_every": 30, "save_every": 30, "log_every": 10, **train}
    return Experiment.model_validate(
        {"task": task, "agent": agent, "train": given, "track": {"mode": "disabled"}, "threads": 1}
    )


@pytest.mark.parametrize(
    ("task", "agent", "message"),
    [
        ({"name": "digits"}, "cnn", r"'cnn' needs task.view: whole, task.glimpses: 1 \(got task.view: glimpse"),
        ({**WHOLE, "glimpses": 6}, "mlp", r"'mlp' needs .* \(got task.view: whole, task.glimpses: 6\)"),
        ({"name": "digits"}, "grid", r"'grid' needs task.view: whole \(got task.view: glimpse\)"),
        ({"name": "digits"}, "draw", r"'draw' needs task.view: whole"),
    ],
)
def test_the_task_must_have_the_view_that_the_agent_needs(task: dict[str, Any], agent: str, message: str) -> None:
    """The error names the view and glimpses that the agent needs, and those of the task."""
    with pytest.raises(ValidationError, match=message):
        experiment(task, {"name": agent})


def test_cells_may_not_leave_pixels_out() -> None:
    """A stride larger than the patch is refused, because it would leave pixels out."""
    with pytest.raises(ValidationError, match=r"should be at most agent.patch, which is 4 \(got 5\)"):
        experiment(WHOLE, {"name": "grid", "patch": 4, "stride": 5})


def test_hard_attention_needs_copies_for_its_baseline() -> None:
    """Hard attention with the leave-one-out baseline is refused with fewer than two copies."""
    agent = {"name": "grid", "attention": "hard", "baseline": "leave_one_out"}
    with pytest.raises(ValidationError, match="should be at least 2 because agent.baseline is 'leave_one_out'"):
        experiment(WHOLE, agent)


@pytest.mark.parametrize(
    ("agent", "task"),
    [
        ({"name": "cnn", "widths": [8, 16]}, {**WHOLE, "glimpses": 1}),
        ({"name": "grid", "patch": 4, "stride": 2}, {**WHOLE, "glimpses": 3}),
        ({"name": "grid", "patch": 4, "stride": 2, "attention": "hard"}, {**WHOLE, "glimpses": 3}),
        ({"name": "draw", "patch": 4}, {**WHOLE, "glimpses": 3}),
    ],
    ids=["cnn", "soft", "hard", "draw"],
)
def test_train_evaluate_and_report(agent: dict[str, Any], task: dict[str, Any], tmp_path: Path) -> None:
    """The record has an episode's cost, and only hard attention has control locators and a scanpath."""
    run = tmp_path / "run"
    assert train_command(experiment(task, agent), run, resume=False) == 0
    record = evaluate_run(run, "validation", copies=3)
    controls = ["random locations", "centre only", "raster scan", "its own mean scanpath"]
    hard = agent.get("attention") == "hard"
    assert list(record["scores"]) == [agent["name"], *(controls if hard else [])]
    assert (record["scores"][agent["name"]]["scanpath"] is not None) == hard
    scores = record["scores"][agent["name"]]
    if not hard:  # Soft attention makes no random draw.
        assert scores["greedy"]["error"] == scores["sampled"]["error"] == scores["averaged"]["error"]
    assert record["pixels"] == 64 and record["parameters"] > 0 and record["multiply_adds"] > 64
    kept = json.loads(RunFolder.open(run).evaluation_path.read_text())["validation"]
    assert kept["multiply_adds"] == record["multiply_adds"]
    if agent["name"] != "draw":  # Reports take long, and that of the soft grid covers soft attention.
        report_command(run, None, 2)
        page = (run / "report" / "index.html").read_text()
        assert "the whole image" in page and ("Diagnostics</h2>" in page) == hard
        assert ('<th scope="col">M = 1</th>' in page) == hard
        readout = {"cnn": "the patches that the agent is given", "grid": "the weight of each cell"}[agent["name"]]
        assert ("the cell that is read" if hard else readout) in page
