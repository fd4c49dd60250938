"""Tests of what the page on training gives to other programs: a sweep of wandb, and an array of SLURM jobs."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.runs.metric_names import read_run_metrics
from glimpse.runs.run_folder import RunFolder

TINY = ["train.steps=2", "train.batch=16", "train.evaluate_every=2", "evaluate.copies=2", "threads=1"]
OFF = "track.mode=disabled"


def block(language: str, word: str) -> str:
    """Return the page's block of code in a language that has a word."""
    page = (Path(__file__).parents[1] / "docs" / "training.md").read_text()
    (found,) = [code for code in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) if word in code]
    return str(found)


def test_wandb_drives_the_training(tmp_path: Path) -> None:
    """The command that wandb's agent makes of the file trains, with the value, and writes the metric that it reads."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    sweep = yaml.safe_load(block("yaml", "method: bayes"))
    values = {key: {"value": spec["min"]} for key, spec in sweep["parameters"].items()}
    words = create_sweep_command_args({"args": values})["args_no_hyphens"]
    at = sweep["command"].index("${args_no_hyphens}")
    assert sweep["command"][0] == sweep["program"] == "glimpse"
    command: list[str] = [*sweep["command"][1:at], *words, *sweep["command"][at + 1 :]]
    for spec in sweep["parameters"].values():
        low, high = float(spec["min"]), float(spec["max"])
        assert low < load_experiment("digits-ram").train.learning_rate < high
    assert main([*command, *TINY, OFF, "--folder", str(tmp_path / "run")]) == 0
    run = RunFolder.open(tmp_path / "run")
    assert load_experiment(str(run.config_path)).train.learning_rate == 1e-4
    assert any(sweep["metric"]["name"] in row for row in read_run_metrics(run))


def test_an_array_of_jobs_begins_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job trains the seed of its number; started again after it was preempted, it goes on with its run."""
    monkeypatch.chdir(tmp_path)
    script = block("sh", "#SBATCH")
    (tmp_path / "glimpse").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > typed\n')
    (tmp_path / "glimpse").chmod(0o755)
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "3"}

    def typed() -> list[str]:
        subprocess.run(["bash", "-euc", script], check=True, env=variables)
        return Path("typed").read_text().split()

    first = typed()
    assert first == ["train", "mnist-ram", "seed=3", "--folder", "runs/mnist-ram-seed3"]
    assert main([word.replace("mnist-ram", "digits-ram", word == "mnist-ram") for word in first] + [*TINY, OFF]) == 0
    again = typed()
    assert again == ["train", "--resume", "runs/mnist-ram-seed3"]
    assert main([*again, "train.steps=3"]) == 0
    run = RunFolder.open(Path("runs/mnist-ram-seed3"))
    assert load_experiment(str(run.config_path)).seed == 3
    assert max(int(row["step"] or 0) for row in read_run_metrics(run)) == 3
