"""Tests of `glimpse data cache`: what it lists, and that clearing leaves downloads and what others write."""

from pathlib import Path

import pytest
from filelock import FileLock

from glimpse.cli.command_line import main
from glimpse.envs.data.decoded_cache import DecodedFrom, decoded_folder, entry_facts, keep_decoded, list_decoded

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache with a download and two entries of decoded data, of 3 and of 5 megabytes."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "images.gz").write_bytes(b"downloaded")
    for what, count in (("words of a", 3_000_000), ("pictures of b", 5_000_000)):

        def write(folder: Path, count: int = count) -> dict[str, int]:
            (folder / "bytes.bin").write_bytes(bytes(count))
            return {"count": count}

        keep_decoded(tmp_path, what, what, 1, count, write)
    return tmp_path


def test_the_list_says_what_is_kept(cache: Path, capsys: Capture) -> None:
    """Each entry has its size and the day it was decoded; the last line has the sum and the folder."""
    assert main(["data", "cache"]) == 0
    printed = capsys.readouterr().out
    first, second = (line for line in printed.splitlines() if " MB  " in line)
    assert "5.0 MB" in first and first.rstrip().endswith("pictures of b") and first.split()[0].count("-") == 2
    assert "3.0 MB" in second and second.rstrip().endswith("words of a")
    assert f"8.0 MB in {decoded_folder(cache)}" in printed


def test_clearing_removes_what_is_decoded_and_no_download(cache: Path, capsys: Capture) -> None:
    """What another process is writing stays, and is said to."""
    busy = min(decoded_folder(cache).glob("*-*"))
    with FileLock(decoded_folder(cache) / f"{busy.name.partition('-')[0]}.lock"):
        assert main(["data", "cache", "--clear"]) == 0
    assert "in use by another process" in capsys.readouterr().out
    assert [path.name for path in decoded_folder(cache).glob("*-*")] == [busy.name]
    assert main(["data", "cache", "--clear"]) == 0
    assert main(["data", "cache"]) == 0
    assert "0.0 MB in" in capsys.readouterr().out
    assert (cache / "mnist" / "images.gz").read_bytes() == b"downloaded"


def test_one_data_set_is_cleared(cache: Path, capsys: Capture) -> None:
    """Entries of one name go, others stay; a name of which nothing is kept is an error."""
    assert main(["data", "cache", "--clear", "c"]) == 2
    assert "nothing is kept of c" in capsys.readouterr().err
    assert main(["data", "cache", "--clear", "b"]) == 0
    assert "5.0 MB removed" in capsys.readouterr().out
    assert main(["data", "cache"]) == 0
    printed = capsys.readouterr().out
    assert "words of a" in printed and "pictures of b" not in printed


def test_entries_say_their_source_and_older_code_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other code decoded from the same folder goes with the next decoding; another folder's or option's stays."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path))
    kept = [("/here", "old", 1), ("/there", "old", 2), ("/here", "new", 3), ("/here", "new", 4)]
    for source, code, subject in kept:
        keep_decoded(tmp_path, "words of a", subject, [code], 0, lambda _: {}, DecodedFrom(source, code))
    assert sorted(entry.source for entry in list_decoded(tmp_path)) == ["/here", "/here", "/there"]
    assert {str(entry_facts(entry.path)["code"]) for entry in list_decoded(tmp_path) if entry.source == "/here"} == {
        "new"
    }


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["data", "cache", "mnist"], "cache takes names only with --clear"),
        (["data", "list", "--clear"], "glimpse data cache --clear"),
    ],
)
def test_what_does_not_belong_is_refused(typed: list[str], told: str, cache: Path, capsys: Capture) -> None:
    """Names and `--clear` beside the wrong action end with code 2, and remove nothing."""
    assert main(typed) == 2
    assert told in capsys.readouterr().err and len(list(decoded_folder(cache).glob("*-*"))) == 2
