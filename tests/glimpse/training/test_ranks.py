"""Tests of training by several processes: N ranks compute what one computes, and a rank that dies loses nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from glimpse.agents.data_parallel import over_all_ranks
from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.runs.checkpoint import load_newest
from glimpse.training.follow import follow_command
from glimpse.training.ranks import ALONE, Ranks
from glimpse.training.torchrun import device_of_rank, is_leader
from glimpse.training.train import train_command
from tests import forked

SMALL = ["train.steps=12", "train.batch=15", "train.evaluate_every=12", "train.save_every=12", "train.log_every=4"]
SMALL += ["train.precision=float32", "threads=1", "track.mode=disabled", "evaluate.copies=1"]
STRINGS = ["agent.output_precision=float32", "task.strings=60", "task.symbols=4"]
RUNS: dict[str, list[str]] = {
    "ram": ["digits-ram", "agent.baseline=moving_average"],
    "player": ["catch-ppo", "task.screen=8", "evaluate.batch=5000", "train.steps=6", "agent.memory_width=16"],
    "reader": ["planted-reader", "agent.dropout=0", "agent.embedding_width=8"],
    "rationale": ["planted", "agent.random_until=0.4", "agent.encoder.width=8", "agent.embedding_width=8"],
    "transformer": ["reverse-transformer", *STRINGS, "task.longest=4"],
    "tokens": ["reverse-transformer", *STRINGS, "train.tokens=24"],
    "simultaneous": ["copy-simultaneous", *STRINGS, "task.longest=4"],
}
"""Runs of 15 examples an update, which two ranks share as 8 and 7; `tokens` has updates of one example, too."""


def train_as_rank(rank: int) -> None:
    """Make all runs as one of two ranks, with the variables by which `torchrun` tells a process so."""
    os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"})
    # The ranks find each other by a file, since a port that is free now may soon be taken.
    torch.distributed.init_process_group("gloo", f"file://{Path('ranks').absolute()}", rank=rank, world_size=2)
    for name, words in RUNS.items():
        if is_leader():
            train_command(load_experiment(words[0], SMALL + words[1:]), Path(name), resume=False)
        else:
            follow_command()
    torch.distributed.destroy_process_group()


def torchrun(*words: str) -> list[str]:
    """Return the command that starts two ranks on this machine."""
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]


def environment() -> dict[str, str]:
    """Return the environment of the ranks: this one's packages, one thread."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}


def test_two_ranks_compute_what_one_process_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After 12 steps the weights of two ranks are those of one process, to the rounding of float32."""
    monkeypatch.chdir(tmp_path)
    for name, words in RUNS.items():
        train_command(load_experiment(words[0], SMALL + words[1:]), Path(f"{name}-alone"), resume=False)
    assert "2 ranks" not in capfd.readouterr().out
    ranks = [forked.begin(partial(train_as_rank, rank)) for rank in range(2)]
    ended, printed = [forked.join(rank) for rank in ranks], capfd.readouterr()
    assert ended == [0, 0], printed.err[-3000:]
    assert "2 ranks" in printed.out
    for name in RUNS:
        alone, shared = (load_newest(Path(run) / "checkpoints", print) for run in (f"{name}-alone", name))
        assert alone is not None and shared is not None and alone.step == shared.step
        for kept, own in ((alone.weights, shared.weights), (_raw(alone.state), _raw(shared.state))):
            # A softmax does not depend on the keys' bias: its gradient is rounding, which Adam makes as large as any.
            for weight in (name for name in kept if not name.endswith("key.bias")):
                torch.testing.assert_close(own[weight], kept[weight], rtol=1e-3, atol=1e-4, msg=f"{name}: {weight}")
        for one, two in zip(_rows(f"{name}-alone"), _rows(name), strict=True):
            close = {key: value for key, value in one.items() if not key.startswith("speed/") and "error" not in key}
            assert {key: two[key] for key in close} == pytest.approx(close, rel=1e-3, abs=1e-4), name


def _rows(run: str) -> list[dict[str, float]]:
    """Return a run's metrics."""
    return [json.loads(row) for row in Path(run, "metrics.jsonl").read_text().splitlines()]


def _raw(state: dict[str, object]) -> dict[str, torch.Tensor]:
    """Return the weights that are not averaged of a checkpoint's state."""
    learner = state["learner"]
    assert isinstance(learner, dict)
    return {name: value for name, value in learner["agent"].items() if isinstance(value, torch.Tensor)}


def test_a_rank_that_dies_ends_the_run_with_everything_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leader saves the last whole step and says so, and one process trains on from there."""
    monkeypatch.chdir(tmp_path)
    endless = ["train", "digits-ram", *SMALL, "train.steps=1000000", "train.save_every=1000000"]
    started = subprocess.Popen(
        torchrun("-m", "glimpse", *endless, "--folder", "run"),
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    metrics = Path("run/metrics.jsonl")
    while not (metrics.exists() and metrics.stat().st_size) and started.poll() is None:
        time.sleep(0.05)
    os.kill(_follower_of(started.pid), signal.SIGKILL)
    output = started.communicate()[0]
    assert started.returncode != 0
    found = re.search(r"a rank of this training has ended .*; step (\d+) is saved", output)
    assert found, output[-3000:]
    saved = load_newest(Path("run/checkpoints"), print)
    assert saved is not None and saved.step == int(found[1]) >= 4
    assert main(["train", "--resume", "run", f"train.steps={saved.step + 5}"]) == 0
    resumed = load_newest(Path("run/checkpoints"), print)
    assert resumed is not None and resumed.step == saved.step + 5


def _follower_of(launcher: int) -> int:
    """Return the process of rank 1 that a launcher has started."""
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        variables = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if b"RANK=1" in variables:
            return int(child)
    raise AssertionError("no rank 1")


def test_shares_are_all_examples_once() -> None:
    """The ranks' examples are those of the update, and their shares sum to 1; a rank too many counts as nothing."""
    example, key = torch.arange(5), torch.arange(5) + 10
    for size in (1, 2, 3, 7):
        shares = [Ranks(rank, size).share(example, key) for rank in range(size)]
        real = [taken for taken in shares if taken[2] > 0]
        assert sorted(torch.cat([taken[0] for taken in real]).tolist()) == example.tolist()
        assert all((taken[0] + 10).equal(taken[1]) and len(taken[0]) for taken in shares)
        assert sum(taken[2] for taken in shares) == pytest.approx(1)
    assert len({Ranks(rank, 3).noise(2**62) for rank in range(3)}) == 3 and ALONE.noise(5) == 5


def test_a_process_alone_counts_by_itself() -> None:
    """Without ranks a count is itself, and the device is the config's."""
    count = torch.tensor(3)
    assert over_all_ranks(count) is count
    assert device_of_rank("auto", 2) == "auto"


def test_each_rank_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks of a machine with GPUs take them in turn; a device that the config names is left alone."""
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert [device_of_rank(name, 2) for name in ("auto", "cuda", "cpu", "cuda:0")] == [
        "cuda:1",
        "cuda:1",
        "cpu",
        "cuda:0",
    ]
    assert device_of_rank("auto", 0) == "auto"


def test_stable_baselines3_is_refused() -> None:
    """An agent that Stable-Baselines3 trains cannot be shared."""
    from glimpse.config.experiment import Experiment
    from glimpse.errors import UserError
    from glimpse.runs.build import load_env
    from glimpse.training.make_learner import make_learner

    experiment: Experiment = load_experiment("digits-sb3-a2c", ["train.batch=4"])
    env = load_env(experiment, "train", torch.device("cpu")).env
    learner = make_learner(experiment, env, None, print)
    learner.join(ALONE)
    with pytest.raises(UserError, match="one process"):
        learner.join(Ranks(0, 2))
