"""Tests that what commands print fits terminals of 60, 80 and 120 columns."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from glimpse.cli.command_line import main
from glimpse.cli.listing import LISTINGS
from glimpse.runs.run_source import zoo_folder

COMMANDS = {
    **{f"list {name}": ["list", name] for name in LISTINGS},
    "list runs": ["list", "runs", "ZOO"],
    "zoo": ["zoo"],
    "data list": ["data", "list"],
    "compare": ["compare", "ZOO/mnist-ram", "ZOO/cluttered-ram", "ZOO/trec-resan"],
    "evaluate": ["evaluate", "RUN"],
    "train": ["train", "--resume", "RUN", "train.steps=2"],
}
"""Commands that print tables and long lines. Those of `bench` and `reproduce` are printed by the same functions."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of a step, whose evaluation has the controls of RAM."""
    path = tmp_path_factory.mktemp("runs") / "run"
    small = ["train.steps=1", "train.batch=8", "agent.memory_width=8", "evaluate.copies=2", "threads=1"]
    assert main(["train", "digits-ram", *small, "track.mode=disabled", "--folder", str(path)]) == 0
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_lines_fit(
    command: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is wider than the terminal, which would break it in a word, and nothing is cut or left out silently."""
    words = [word.replace("ZOO", "zoo").replace("RUN", str(run)) for word in COMMANDS[command]]
    (tmp_path / "zoo").symlink_to(zoo_folder())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLIMPSE_CACHE", "cache")
    monkeypatch.setenv("GLIMPSE_DATA", "data")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    for width in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        assert main(words) == 0
        lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
        wide = [line for line in lines if cell_len(line) > width and len(line.split()) > 1]  # A path may be wide.
        assert lines and wide == []
        assert not any("…" in line for line in lines)
