"""Runs of agents that see the whole image: what a config must say, and that training, evaluation and report work."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from glimpse.config.experiment import Experiment
from glimpse.evaluation.evaluate import evaluate_run
from glimpse.reporting.report import show_command
from glimpse.runs.run_folder import RunFolder
from glimpse.training.train import train_command

WHOLE = {"name": "digits", "view": "whole"}


def experiment(task: dict[str, Any], agent: dict[str, Any], **train: Any) -> Experiment:
    """A short run on digits."""
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
def test_a_task_that_does_not_show_what_the_agent_needs_is_a_mistake(
    task: dict[str, Any], agent: str, message: str
) -> None:
    """It says what the agent needs and what the task has."""
    with pytest.raises(ValidationError, match=message):
        experiment(task, {"name": agent})


def test_cells_may_not_leave_pixels_out() -> None:
    """The stride is at most the patch."""
    with pytest.raises(ValidationError, match=r"should be at most agent.patch, which is 4 \(got 5\)"):
        experiment(WHOLE, {"name": "grid", "patch": 4, "stride": 5})


def test_hard_attention_needs_the_copies_that_its_baseline_needs() -> None:
    """As every agent that is reinforced."""
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
    """With what an episode costs; hard attention alone has eyes that others can take the place of."""
    run = tmp_path / "run"
    assert train_command(experiment(task, agent), run, resume=False) == 0
    record = evaluate_run(run, "validation", copies=3)
    others = ["random places", "centre only", "raster scan", "its own mean path"]
    hard = agent.get("attention") == "hard"
    assert list(record["scores"]) == [agent["name"], *(others if hard else [])]
    assert (record["scores"][agent["name"]]["gaze"] is not None) == hard
    scores = record["scores"][agent["name"]]
    if not hard:  # It leaves nothing to chance.
        assert scores["greedy"]["error"] == scores["sampled"]["error"] == scores["averaged"]["error"]
    assert record["pixels"] == 64 and record["parameters"] > 0 and record["multiply_adds"] > 64
    kept = json.loads(RunFolder.open(run).evaluation_path.read_text())["validation"]
    assert kept["multiply_adds"] == record["multiply_adds"]
    if agent["name"] != "draw":  # Reports take long, and a soft reader's is like another's.
        show_command(run, None, 2)
        page = (run / "report" / "index.html").read_text()
        assert "the whole image" in page and ("Diagnostics</h2>" in page) == hard
        assert ("One sample" in page) == hard
        told = {"cnn": "the patches that the agent is given", "grid": "the weight of each cell"}[agent["name"]]
        assert ("the cell that is read" if hard else told) in page
