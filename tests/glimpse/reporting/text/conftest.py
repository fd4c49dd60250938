"""Fixtures: runs that read texts, with random weights, on a file with unusual words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.runs.build import make_agent
from glimpse.runs.checkpoint import Checkpoint, save_checkpoint
from glimpse.runs.kept_data import training_envs
from glimpse.runs.run_folder import RunFolder

WORDS = ["a", "good", "bad", "film", "<b>bold</b>", "&amp;", '"so"', "naïve", "映画", "w" * 60, "\x07bell", "ends."]
_COUNT = 120

MakeRun = Callable[..., Path]


def texts(count: int) -> list[str]:
    """Return different texts of one to twelve words, some of several sentences."""
    return [
        " ".join(WORDS[(number * 5 + at * 7) % len(WORDS)] for at in range(1 + number % 12)) for number in range(count)
    ]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a function that writes a run folder.

    Its arguments are the encoder, the kind of texts, how often each text is repeated, and options of the task.
    """

    def make(
        encoder: dict[str, Any] | None = None, kind: str = "one", name: str = "run", times: int = 1, **task: Any
    ) -> Path:
        data, written = tmp_path / f"{kind}.tsv", [" ".join([text] * times) for text in texts(_COUNT)]
        header = "label\ttext" + ("" if kind == "one" else "\ttext2")
        labels = [str(1 + number % 5 / 2) if kind == "scores" else f"class <{number % 3}>" for number in range(_COUNT)]
        seconds = [""] * _COUNT if kind == "one" else [f"\t{text}" for text in reversed(written)]
        rows = (f"{label}\t{text}{second}" for label, text, second in zip(labels, written, seconds, strict=True))
        data.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        if kind != "one":
            task["text2"] = "text2"
        if kind == "scores":
            task["labels"] = "scores"
        experiment = Experiment.model_validate(
            {
                "task": {"name": "text", "data": f"file:{data}", "vectors": "none", **task},
                "agent": {"name": "reader", "embedding_width": 4, "encoder": encoder or {"kind": "lstm", "width": 3}},
                "train": {"steps": 10},
                "evaluate": {"batch": 3, "precision": "float32"},
                "threads": 1,
            }
        )
        folder = RunFolder.create(tmp_path / name, dump_experiment(experiment))
        agent = make_agent(experiment, training_envs(experiment, folder, torch.device("cpu"))[1])
        with torch.no_grad():
            for parameter in agent.parameters():
                parameter.mul_(3)  # Attention weights differ clearly.
        state = {"seconds": 7500.0, "trained_on": "a <fast> machine"}
        save_checkpoint(folder.checkpoints, Checkpoint(10, agent.state_dict(), state), keep=1)
        return folder.path

    return make
