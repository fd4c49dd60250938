"""Tests of `glimpse data store`."""

from pathlib import Path

import pytest
from filelock import FileLock

from glimpse.cli.command_line import main


def test_it_builds_and_shows_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints counts, the place and the files that were left out; it says the same when the store is there."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.txt").write_text("One sentence. Another one.")
    (tmp_path / "papers" / "b.html").write_bytes(b"\xff")
    for name in ("word.docx", "c.DOCX", "a.rst", "LICENSE", ".hidden"):
        (tmp_path / "papers" / name).write_text("Not read.")
    assert main(["data", "store", "papers"]) == 0
    printed = capsys.readouterr().out
    assert "papers: 1 document, 2 sentences, 6 words" in printed and "hashing, 64 numbers" in printed
    assert "left out, 5 files:\n  - " in printed and "b.html is not UTF-8" in printed
    assert "  - 2 files whose names end in .docx: read are .txt," in printed
    assert "  - 1 file whose name ends in .rst: " in printed and "  - 1 file without an ending: " in printed
    assert f"store: {tmp_path}/cache/stores/" in printed
    assert main(["data", "store", "papers"]) == 0 and capsys.readouterr().out == printed
    assert main(["data", "store", "papers", "--force"]) == 0 and capsys.readouterr().out == printed


def test_stores_are_listed_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each state of a folder is one store, which goes with its lock, by name too; one that is being built stays."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    stores = tmp_path / "cache" / "stores"
    for name, text in (("papers", "One."), ("papers", "Another."), ("letters", "A third one.")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "a.txt").write_text(text)
        assert main(["data", "store", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert main(["data", "cache"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("papers, store of 1 document, hashing") == 2 and f"and {stores}; glimpse" in printed
    assert main(["data", "cache", "--clear", "papers"]) == 0
    (left,) = (path for path in stores.iterdir() if path.is_dir())
    assert {path.name for path in stores.iterdir()} == {left.name, f".{left.name}.lock"}
    with FileLock(stores / f".{left.name}.lock"):
        capsys.readouterr()
        assert main(["data", "cache", "--clear"]) == 0 and left.is_dir()
        assert "in use by another process" in capsys.readouterr().out
    (stores / f".{left.name}.part1").mkdir()
    assert main(["data", "cache", "--clear"]) == 0 and not list(stores.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["store"], "store takes one folder of documents: glimpse data store DIR"),
        (["store", "none"], "none is no folder"),
        (["store", ""], "the folder of documents has an empty name: give its path, or . for the current folder"),
        (["store", ".", "--vectors", "glvoe"], "--vectors should be hashing, glove"),
        (["list", "--vectors", "glove"], "--vectors applies to store only"),
    ],
)
def test_mistakes_are_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is one clear error."""
    try:
        code = main(["data", *words])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2 and message in capsys.readouterr().err
