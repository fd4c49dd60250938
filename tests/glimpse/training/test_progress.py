"""Tests of the line that shows how far a training is."""

import re
import sys
import time

import pytest

from glimpse.training.progress import Progress, with_unit

METRICS = {"val/error_m10": 0.7667, "train/loss": 0.12345, "train/accuracy": 0.9707}
SHOWN = ("100 %", "0:00 left", "validation error 0.767 %", "loss 0.1235", "accuracy 97.1 %", "examples/s")
"""What the line says after the step, the most important first."""
Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(("width", "parts"), [(40, 2), (60, 2), (80, 4), (100, 5), (120, 6)])
def test_the_most_important_is_shown(width: int, parts: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """In a narrow terminal the line has its first parts, whole; and printed lines do not mix with it."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(time, "perf_counter", iter([0.0, 0.0, *[12345.0] * 100]).__next__)
    progress = Progress()
    progress.show(12345, 12345, 1.0, None, 512, METRICS)
    progress.say("saved")
    progress.close()
    printed = capsys.readouterr()
    line = re.sub(r"\x1b\[[\d;]*m", "", printed.err).split("\x1b[2K")[1].rstrip("\r")
    assert line.startswith("step 12345/12345 ") and len(line) < width
    assert [part in line for part in SHOWN] == [at < parts for at in range(len(SHOWN))]
    assert printed.out == "saved\n"


def test_lines_of_a_file_are_whole_and_rare(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal everything is printed, at once, then each ten seconds, and at the end."""
    now = [1000.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    progress = Progress()
    for step in range(1, 5):
        now[0] += 4
        progress.show(step, 4, step / 4, None, 8, METRICS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1/4", "step 4/4"]
    told = "validation error 0.767 %  loss 0.1235  accuracy 97.1 %  2 examples/s"
    assert lines[0] == f"step 1/4  25 %  0:12 left  {told}"
    progress.show(5, None, 0.5, 0.0, None, {})
    assert capsys.readouterr().out == "step 5  50 %  0:00 left  0.3 steps/s\n"


def test_units() -> None:
    """All shares are in percent: errors are so already, and accuracies and rates are fractions; others are plain."""
    assert with_unit("val/accuracy", 0.5) == "validation accuracy 50 %"
    assert with_unit("val/error_m10", 0.5) == "validation error 0.5 %"
    assert with_unit("val/micro_f1", 0.5) == "validation micro F1 50 %"
    assert with_unit("val/keep_rate", 0.25) == "validation keep rate 25 %"
    assert with_unit("val/pearson", 0.85) == "validation pearson 0.85"
    assert with_unit("val/bleu", 31.25) == "validation BLEU 31.25"
