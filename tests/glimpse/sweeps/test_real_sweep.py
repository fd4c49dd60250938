"""One real sweep, whose worker is killed; and mistakes on its command line."""

import csv
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.runs.checkpoint import load_newest

TINY = """\
task: {name: digits, glimpses: 2, retina: {patch: 3}}
agent: {name: ram, memory_width: 16}
train: {steps: 200, batch: 8, evaluate_every: 100, save_every: 20, log_every: 200}
track: {mode: disabled}
threads: 1
"""
WORDS = ["tiny.yaml", "train.learning_rate=log(1e-4,1e-2)", "--trials", "1", "--folder", "swept"]


def kill_a_training(run: Path, killed: list[int], over: threading.Event) -> None:
    """Kill a run's process as soon as it has saved something."""
    while not over.is_set():
        for process in Path("/proc").glob("[0-9]*") if any(run.glob("checkpoints/step-*")) else ():
            try:
                words = process.joinpath("cmdline").read_bytes().split(b"\0")
            except OSError:  # It has ended.
                continue
            if str(run).encode() in words:
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(int(process.name))
                return
        time.sleep(0.001)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are found in /proc")
def test_a_killed_worker_loses_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trial whose worker is killed while it trains ends with the weights of one that never was."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    killed, over = list[int](), threading.Event()
    killer = threading.Thread(target=kill_a_training, args=(Path("swept/trial-000"), killed, over))
    killer.start()
    try:
        assert main(["sweep", *WORDS]) == 0
    finally:
        over.set()
        killer.join()
    printed = capsys.readouterr().out
    assert killed and "its worker was killed; it will be resumed" in printed
    (row,) = csv.DictReader(Path("swept/trials.csv").read_text().splitlines())
    assert row["outcome"] == "trained" and "next: glimpse evaluate swept/trial-000" in printed
    rate = row["train.learning_rate"]
    assert main(["train", "tiny.yaml", f"train.learning_rate={rate}", "--folder", "whole"]) == 0
    one, other = (load_newest(Path(run, "checkpoints"), print) for run in ("swept/trial-000", "whole"))
    assert one is not None and other is not None and one.step == other.step == 200
    assert all(one.weights[name].equal(other.weights[name]) for name in other.weights)
    assert float(row["validation error"]) == other.state["best_error"]


def test_wrong_words_end_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mistakes of a sweep's command line are one line, exit 2, and leave nothing behind."""
    monkeypatch.chdir(tmp_path)
    for words, problem in (
        (["digits-ram", "--trials", "2"], "nothing to try"),
        (["digits-ram", "train.batch=choice(4)"], "two values"),
        (["digits-rom", "train.batch=choice(4,8)"], "digits-rom"),
    ):
        assert main(["sweep", *words]) == 2
        assert problem in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
