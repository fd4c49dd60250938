"""Tests of the subwords that a run keeps: they replace the data for translation, and changed data are refused."""

import sys
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.runs.trained_run import open_run

GIVEN = ["agent.width=8", "train.steps=4", "train.evaluate_every=4", "threads=1", "track.mode=disabled"]


def write_texts(folder: Path, word: str) -> None:
    """Write a corpus that contains the word."""
    (folder / "a.en").write_text(f"one {word} two\ntwo one\n" * 20)
    (folder / "a.de").write_text(f"zwei {word}, eins.\neins zwei\n" * 20)


@pytest.fixture(params=["true", "false"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a short run on texts of the user's own, with one shared vocabulary or with two."""
    write_texts(tmp_path, "dog")
    task = f"task: {{name: translate, data: 'file:{tmp_path}/a', tokenizer: words, shared: {request.param}}}\n"
    (tmp_path / "own.yaml").write_text(f"{task}agent: {{name: luong, embeddings: output_tied}}\ntrain: {{batch: 10}}\n")
    assert main(["train", str(tmp_path / "own.yaml"), *GIVEN, "--run", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_a_run_translates_without_its_data(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run translates as before when its data are removed."""
    capsys.readouterr()
    assert main(["translate", str(run), "one dog two"]) == 0
    printed = capsys.readouterr().out
    with_data = open_run(run, "validation", None, pytest.fail).env
    without = open_run(run, None, None, pytest.fail).env
    assert without.examples == 0 and without.observation_space == with_data.observation_space
    for name in ("a.en", "a.de"):
        (run.parent / name).unlink()
    assert main(["translate", str(run), "one dog two"]) == 0
    assert capsys.readouterr().out == printed


def test_other_data_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run is neither evaluated nor trained on changed data, whose tokens would mean other words."""
    write_texts(run.parent, "cat")
    for words in (["evaluate", str(run)], ["train", "--resume", str(run)]):
        assert main(words) == 2
        assert "have changed since it was trained" in capsys.readouterr().err
    write_texts(run.parent, "dog")
    assert main(["evaluate", str(run), "--split", "validation"]) == 0


def test_damaged_subwords_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged meaning.json is named in the error."""
    (run / "meaning.json").write_text('["no tokenizer"]')
    assert main(["translate", str(run), "one"]) == 2
    assert "meaning.json is not what training writes" in capsys.readouterr().err


def test_a_missing_library_is_named(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the tokenizers library, the error names the library and not meaning.json."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert main(["translate", str(run), "one"]) == 2
    printed = capsys.readouterr().err
    assert "tokenizers library, which is not installed" in printed and "meaning.json" not in printed
