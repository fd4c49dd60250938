"""Tests of the line that shows how far a training is."""

import os
import sys
import time
from typing import Any

import pytest

from glimpse.training.progress import Progress, fitting, with_unit

METRICS = {"train/loss": 0.12345, "train/accuracy": 0.9707, "val/error_m10": 0.7667}


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_the_line_fits_its_terminal(width: int, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """It is never wider than the terminal, which would leave it behind; what does not fit is left out whole."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((width, 24)))
    shown = Progress()
    shown._since = (0, time.perf_counter() - 100)
    shown.show(1000, 1000, 0.0, 512, METRICS)
    line = capsys.readouterr().err.removeprefix("\r\x1b[2K")
    assert "\n" not in line and len(line) < width and line.startswith("step 1000/1000")
    assert ("loss 0.1235" in line) == (width >= 60)


def test_lines_of_a_file_are_whole(capsys: Any) -> None:
    """Without a terminal everything is printed, with units."""
    Progress().show(5, 5, 0.0, 1, METRICS)
    line = capsys.readouterr().out
    assert line.endswith("loss 0.1235  accuracy 97.1 %  validation error 0.767 %\n")


def test_units() -> None:
    """Errors are in percent already, accuracies are fractions, and other numbers are plain."""
    assert with_unit("val/accuracy", 0.5) == "validation accuracy 50 %"
    assert with_unit("val/error_m10", 0.5) == "validation error 0.5 %"
    assert with_unit("val/pearson", 0.85) == "validation pearson 0.85"


def test_parts_are_left_out_from_the_end() -> None:
    """A later part that would fit does not take the place of an earlier one."""
    assert fitting(["ab", "cdefgh", "i"], 8) == "ab"
    assert fitting(["ab", "cd", "i"], 9) == "ab  cd  i"
    assert fitting(["abcdef"], 3) == "abc"
