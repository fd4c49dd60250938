"""A small run on texts, trained, evaluated and reported once for all tests of run folders."""

from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.training.train import train_command


@pytest.fixture(scope="session")
def trained_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small run that was trained, evaluated and reported."""
    folder = tmp_path_factory.mktemp("made")
    rows = [("a good film", "yes"), ("an awful film", "no")] * 30
    (folder / "films.csv").write_text("".join(["text,label\n", *(f"{text},{label}\n" for text, label in rows)]))
    experiment = Experiment.model_validate(
        {
            "task": {"name": "text", "data": f"file:{folder / 'films.csv'}", "vectors": "none"},
            "agent": {"name": "reader", "embedding_width": 4, "encoder": {"kind": "gru", "width": 4}},
            "train": {
                "steps": 2,
                "batch": 8,
                "log_every": 1,
                "evaluate_every": 2,
                "save_every": 1,
                "precision": "float32",
            },
            "evaluate": {"precision": "float32"},
            "track": {"mode": "disabled"},
        }
    )
    assert train_command(experiment, folder / "run", resume=False) == 0
    assert main(["evaluate", str(folder / "run"), "--split", "test"]) == 0
    assert main(["report", str(folder / "run")]) == 0
    return folder / "run"
