"""One real sweep of each kind of workers: a worker is killed, and the best trial is that of an undisturbed sweep."""

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
train: {steps: 600, batch: 8, evaluate_every: 200, save_every: 20, log_every: 200}
track: {mode: disabled}
threads: 1
"""
WORDS = ["tiny.yaml", "train.learning_rate=log(1e-4,1e-2)", "--trials", "2", "--sampler", "random"]


def kill_a_training(folder: Path, killed: list[int]) -> None:
    """Kill a trial's process as soon as it has saved something."""
    until = time.monotonic() + 100
    while time.monotonic() < until:
        for saved in folder.glob("trial-*/checkpoints/step-*"):
            run = saved.parent.parent
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    words = process.joinpath("cmdline").read_bytes().split(b"\0")
                except OSError:
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
    """Two workers, one of which is killed while it trains, end with the weights of one worker that never was."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_training, args=(Path("disturbed"), killed))
    killer.start()
    assert main(["sweep", *WORDS, "--workers", "2", "--folder", "disturbed"]) == 0
    killer.join()
    printed = capsys.readouterr().out
    assert killed and "its worker was killed; it will be resumed" in printed
    assert main(["sweep", *WORDS, "--folder", "whole"]) == 0
    tables = [
        list(csv.DictReader(Path(name, "trials.csv").read_text().splitlines())) for name in ("disturbed", "whole")
    ]
    assert tables[0] == tables[1] and [row["outcome"] for row in tables[0]] == ["trained"] * 2
    for trial in ("trial-000", "trial-001"):
        one, other = (load_newest(Path(name, trial, "checkpoints"), print) for name in ("disturbed", "whole"))
        assert one is not None and other is not None and one.step == other.step == 600
        assert all(one.weights[name].equal(other.weights[name]) for name in other.weights)
    assert f"next: glimpse evaluate disturbed/{tables[0][0]['trial']}" in printed


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
