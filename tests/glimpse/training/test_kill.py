"""Kill test of each family: a run that is killed by SIGKILL and resumed has the weights of one that never was."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from torch import Tensor

from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.families import FAMILIES
from glimpse.runs.checkpoint import load_newest
from glimpse.training.train import train_command
from tests import forked
from tests.envs.conftest import QUESTIONS

# Its runs are in one process, since the first one makes most imports.
pytestmark = pytest.mark.xdist_group("train")

_ASKED = [f"task.{name}=file:{QUESTIONS}" for name in ("data", "validation", "test")]
RUNS: dict[str, list[str]] = {
    "images": ["digits-ram"],
    "control": ["catch-ram", "task.screen=8", "evaluate.batch=5000", "agent.memory_width=16"],
    "text": ["planted", "agent.embedding_width=8"],
    "reading": ["number-prediction", "agent.memory_width=8"],
    "documents": ["evidence-own", *_ASKED, "task.vectors=none", "agent.embedding=trained", "agent.sentence_width=8"],
    "translation": ["copy-bahdanau", "task.strings=60", "task.symbols=4", "task.longest=4"],
    "simultaneous translation": [
        "copy-simultaneous",
        "train.copies=2",
        "task.strings=60",
        "task.symbols=4",
        "task.longest=4",
    ],
    "Stable-Baselines3": ["digits-sb3-a2c"],
}
"""A small run of each family, and one that Stable-Baselines3 trains."""

SMALL = ["train.steps=12", "train.batch=4", "train.evaluate_every=12", "train.save_every=2", "train.log_every=3"]
SMALL += ["threads=1", "track.mode=disabled", "evaluate.copies=1"]


def killed_after_a_checkpoint(experiment: Experiment, run: Path, drawn: random.Random) -> int:
    """Train in a child process, kill it at a random moment after a random checkpoint, and return how it ended."""
    child, steps = forked.begin(lambda: train_command(experiment, run, resume=False)), 2 * drawn.randint(1, 3)
    while max((int(path.name[5:14]) for path in run.glob("checkpoints/step-*")), default=0) < steps:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return forked.join(child)
        time.sleep(0.0005)
    time.sleep(drawn.random() * 0.01)
    os.kill(child, signal.SIGKILL)
    return forked.join(child)


def newest(run: Path) -> tuple[int, dict[str, Tensor]]:
    """Return step and weights of a run's newest checkpoint, averaged and raw."""
    saved = load_newest(run / "checkpoints", pytest.fail)
    assert saved is not None
    raw = saved.state["learner"]["agent"]
    return saved.step, {**saved.weights, **{f"raw {name}": value for name, value in raw.items()}}


def test_all_families_have_a_run() -> None:
    """All families of the package have a run here."""
    assert set(RUNS) - {"Stable-Baselines3"} == set(FAMILIES) == {entry.family for entry in ENVIRONMENTS.values()}


@pytest.mark.parametrize("name", RUNS)
def test_every_family_is_resumed_to_the_bit_after_a_kill(name: str, tmp_path: Path) -> None:
    """Each is killed at a random moment after a checkpoint."""
    config, *words = RUNS[name]
    experiment, killed, whole = load_experiment(config, SMALL + words), tmp_path / "killed", tmp_path / "whole"
    assert train_command(experiment, whole, resume=False) == 0  # First, so that the child finds all imports made.
    drawn = random.Random(list(RUNS).index(name))
    assert killed_after_a_checkpoint(experiment, killed, drawn) == -signal.SIGKILL
    assert newest(killed)[0] < 12
    assert train_command(experiment, killed, resume=True) == 0
    (one, resumed), (other, never_stopped) = newest(killed), newest(whole)
    assert one == other == 12 and resumed.keys() == never_stopped.keys()
    assert all(resumed[key].equal(value) for key, value in never_stopped.items())
