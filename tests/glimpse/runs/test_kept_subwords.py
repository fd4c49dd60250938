"""What a run knows of its pieces: it translates without its data, and is not measured on data of other pieces."""

import sys
from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.envs.translation import translation_data as datasets
from glimpse.runs.trained_run import open_run

GIVEN = ["agent.width=8", "train.steps=4", "train.evaluate_every=4", "threads=1", "track.mode=disabled"]


def write_texts(folder: Path, word: str) -> None:
    """A corpus in which one word is this one; what the process has read before is forgotten."""
    for known in (datasets._load, datasets._read, datasets._languages):
        known.cache_clear()
    (folder / "a.en").write_text(f"one {word} two\ntwo one\n" * 20)
    (folder / "a.de").write_text(f"zwei {word}, eins.\neins zwei\n" * 20)


@pytest.fixture(params=["true", "false"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A short run on texts of one's own, of one vocabulary or of two."""
    write_texts(tmp_path, "dog")
    task = f"task: {{name: translate, data: 'file:{tmp_path}/a', pieces: words, shared: {request.param}}}\n"
    (tmp_path / "own.yaml").write_text(f"{task}agent: {{name: luong, embeddings: output_tied}}\ntrain: {{batch: 10}}\n")
    assert main(["train", str(tmp_path / "own.yaml"), *GIVEN, "--run", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_it_translates_without_its_data(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As with them."""
    capsys.readouterr()
    assert main(["translate", str(run), "one dog two"]) == 0
    told = capsys.readouterr().out
    with_data = open_run(run, "validation", None, pytest.fail).world
    without = open_run(run, None, None, pytest.fail).world
    assert without.examples == 0 and without.observation_space == with_data.observation_space
    for name in ("a.en", "a.de"):
        (run.parent / name).unlink()
    assert main(["translate", str(run), "one dog two"]) == 0
    assert capsys.readouterr().out == told


def test_other_data_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its weights would mean other words: neither measured nor trained on."""
    write_texts(run.parent, "cat")
    for words in (["evaluate", str(run)], ["train", "--resume", str(run)]):
        assert main(words) == 2
        assert "have changed since it was trained" in capsys.readouterr().err
    write_texts(run.parent, "dog")
    assert main(["evaluate", str(run), "--split", "validation"]) == 0


def test_damaged_pieces_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what to do."""
    (run / "pieces.json").write_text('["no tokenizer"]')
    assert main(["translate", str(run), "one"]) == 2
    assert "pieces.json is not what training writes" in capsys.readouterr().err


def test_without_the_library_it_is_named(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pieces are not to blame."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert main(["translate", str(run), "one"]) == 2
    told = capsys.readouterr().err
    assert "tokenizers library, which is not installed" in told and "pieces.json" not in told
