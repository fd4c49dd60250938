"""Tests of agents whose teacher knows nothing of the data."""

import json
from pathlib import Path

import pytest

from glimpse.cli.command_line import main


def test_imitation_without_evidence_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing could be imitated where no question has evidence; the ranker can be."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").write_text("It is. It was.")
    rows = [{"question": f"Is it {number}?", "answer": "yes" if number % 2 else "no"} for number in range(40)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    small = ["train.steps=1", "train.batch=4", "threads=1", "track.mode=disabled", "agent.sentence_width=4"]
    asked = [f"task.data=file:{tmp_path}/q.jsonl", "task.vectors=none", "task.reward=answer", "agent.embedding=trained"]
    command = ["train", "evidence-fever", *asked, *small, "agent.imitation.until=0.5", "--run", str(tmp_path / "run")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "agent.imitation.of=evidence needs `evidence`" in error and "agent.imitation.until=0 or" in error
    assert main([*command, "agent.imitation.of=ranker"]) == 0
