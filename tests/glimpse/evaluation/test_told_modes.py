"""Tests of what an evaluation prints: each number of an agent that samples says how it acted."""

import re
from pathlib import Path

import pytest

from glimpse.cli.command_line import main

QUICK = ["train.steps=1", "train.batch=4", "train.evaluate_every=1", "threads=1", "track.mode=disabled"]


def test_every_line_says_how_the_agent_acted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also with M = 1, and of words that are selected; an agent that samples nothing says that in the list of runs."""
    sizes = ["agent.embedding_width=4", "agent.encoder.width=4", "evaluate.copies=1"]
    for config in ("planted", "planted-reader"):
        run = str(tmp_path / config)
        assert main(["train", config, *QUICK, *sizes, "--run", run]) == 0
        capsys.readouterr()
        assert main(["evaluate", run, "--split", "test"]) == 0
        out = capsys.readouterr().out
        assert ("M = 1: macro F1" in out) == ("\nmacro F1" not in out) == (config == "planted")
        assert bool(re.search(r"^sampled: [\d.]+ % of words are kept", out, re.MULTILINE)) == (config == "planted")
        assert ("own selection, greedy" in out) == (config == "planted")
    capsys.readouterr()
    assert main(["list", "runs", str(tmp_path), "--json"]) == 0
    out = capsys.readouterr().out
    assert re.search(r'"error, %, M = 1 [\d.]+"', out) and re.search(r'"error, % [\d.]+ \(deterministic\)"', out)


def test_a_rationale_without_marks_is_measured_and_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faithfulness needs no marked words; what the terminal warns of stands on the page, too."""
    rows = "".join(
        f"the film was {word},{name}\n" for word, name in (("good", "yes"), ("bad", "no")) for _ in range(20)
    )
    (tmp_path / "a.csv").write_text("text,label\n" + rows)
    run, sizes = str(tmp_path / "run"), ["agent.embedding_width=4", "agent.encoder.width=4", "evaluate.copies=1"]
    task = [f"task.data=file:{tmp_path}/a.csv", "agent.target_keep_rate=0.15", "agent.selector.bias=1"]
    assert main(["train", "planted", *task, *QUICK, *sizes, "--run", run]) == 0
    capsys.readouterr()
    assert main(["evaluate", run, "--split", "test"]) == 0
    out, warning = capsys.readouterr().out, "more words are selected than the target of 15 %"
    assert "with the own selection, greedy, alone (sufficiency)" in out and f"warning: {warning}" in out
    assert main(["report", run]) == 0
    page = Path(run, "report", "index.html").read_text()
    assert "Test: sufficiency" in page and "Test: comprehensiveness" in page and "F1, %" not in page
    assert f"One sampled episode on each text. Warning: {warning}." in page
