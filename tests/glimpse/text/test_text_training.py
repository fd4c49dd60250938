"""What a training on texts says: who reads what, and how well, in the measure that fits."""

import json
from pathlib import Path

import pytest

from glimpse.config import Experiment
from glimpse.train import train_command


def train(path: Path, labels: str) -> tuple[Path, Experiment]:
    """Two steps on forty texts, labelled 0 to 3 by what they say."""
    words = ("bad", "dull", "fair", "good")
    rows = [f"{number % 4}\ta {words[number % 4]} film {number}" for number in range(40)]
    (path / "films.tsv").write_text("\n".join(["label\ttext", *rows, ""]))
    experiment = Experiment.model_validate(
        {
            "task": {"name": "text", "data": f"file:{path / 'films.tsv'}", "labels": labels, "vectors": "none"},
            "agent": {"name": "reader", "embedding_width": 4, "encoder": {"kind": "gru", "width": 3}},
            "train": {"steps": 2, "batch": 8, "precision": "float32"},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )
    assert train_command(experiment, path / "run", resume=False) == 0
    return path / "run", experiment


def test_classes_have_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line at the start names the encoder and the data."""
    _, experiment = train(tmp_path, "classes")
    printed = capsys.readouterr().out
    assert printed.startswith(f"reader (gru) on {experiment.task.data}: 33 examples, ")
    assert "best validation error" in printed and "earson" not in printed


def test_scores_have_a_correlation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is in the log too, and the error that decides is 100 (1 - r)."""
    run, _ = train(tmp_path, "scores")
    printed = capsys.readouterr().out
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["validation_error"] == pytest.approx(100 * (1 - last["validation_pearson"]))
    assert f"best validation Pearson's r {last['validation_pearson']:.4f}" in printed
    assert "validation_pearson" in printed and "validation error" not in printed
