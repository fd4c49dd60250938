"""Tests of training on texts: what it prints, and the measure that fits the labels."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.runs.checkpoint import load_newest
from glimpse.training.train import train_command


def train(path: Path, labels: str = "classes", steps: int = 2) -> tuple[Path, Experiment]:
    """Train a few steps on forty texts with labels 0 to 3, and return the run's folder and the experiment."""
    words = ("bad", "dull", "fair", "good")
    rows = [f"{number % 4}\ta {words[number % 4]} film {number}" for number in range(40)]
    (path / "films.tsv").write_text("\n".join(["label\ttext", *rows, ""]))
    experiment = Experiment.model_validate(
        {
            "task": {"name": "text", "data": f"file:{path / 'films.tsv'}", "labels": labels, "vectors": "none"},
            "agent": {
                "name": "reader",
                "embedding_width": 4,
                "encoder": {"kind": "gru", "width": 3},
                "dropout": 0.5,
                "word_dropout": 0.2,
            },
            "train": {"steps": steps, "batch": 8, "precision": "float32", "save_every": 3, "keep": 3},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )
    assert train_command(experiment, path / "run", resume=False) == 0
    return path / "run", experiment


def test_classes_have_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With classes, the first line names the encoder and the data, and the last the validation error."""
    _, experiment = train(tmp_path)
    printed = capsys.readouterr().out
    assert printed.startswith(f"reader (gru) on {experiment.task_title}: 33 examples, ")
    assert "best validation error" in printed and "earson" not in printed


def test_scores_have_a_correlation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With scores, Pearson's r is printed and logged, and the error used for selection is 100 (1 - r)."""
    run, _ = train(tmp_path, "scores")
    printed = capsys.readouterr().out
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["val/error_m10"] == pytest.approx(100 * (1 - last["val/pearson"]))
    assert f"best validation Pearson's r {last['val/pearson']:.4f}" in printed
    assert "validation pearson" in printed and "validation error" not in printed


def test_a_resumed_run_drops_the_same_words_and_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dropout depends on seed and step only, so steps repeated after a resume give exactly the same weights."""
    run, experiment = train(tmp_path, steps=7)
    whole = final_weights(run)
    for step in (6, 7):
        shutil.rmtree(run / "checkpoints" / f"step-{step:09d}")
    assert train_command(experiment, run, resume=True) == 0
    assert f"resuming {run} after step 3" in capsys.readouterr().out
    again = final_weights(run)
    assert all(torch.equal(again[name], weight) for name, weight in whole.items())


def test_a_text_too_long_for_its_attention_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A text longer than the attention by location allows gives one error."""
    _, experiment = train(tmp_path)
    config = tmp_path / "films.yaml"
    config.write_text(dump_experiment(experiment))
    pooling = "agent.encoder.pooling={kind: attention, score: {kind: location, length: 3}}"
    assert main(["train", str(config), pooling, "--run", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.startswith(
        "error: attention by location has 3 positions, which are too few for a text"
    )


def final_weights(run: Path) -> dict[str, Tensor]:
    """Return the weights of the newest checkpoint, which must be that of step 7."""
    newest = load_newest(run / "checkpoints", pytest.fail)
    assert newest is not None and newest.step == 7
    return newest.weights
