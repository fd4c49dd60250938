"""Tests of replacing a file in one step, and of links in its place."""

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.errors import UserError
from glimpse.runs import durable, links
from glimpse.runs.durable import append_to_file, read_file, replace_file, reporting_write_errors, write_file


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Replacing a file leaves only the new content in the folder."""
    path = tmp_path / "a.json"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """If the disk is full at the write or at the rename, the old file stays."""
    path = tmp_path / "a.json"
    replace_file(path, b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, broken, fail)
    with (
        pytest.raises(UserError, match=r"cannot write .*a\.json: No space left"),
        reporting_write_errors(path),
    ):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def _put(path: Path, kind: str) -> Path:
    """Put a link, a pipe or a hard link at `path`, and return the file that it could lead to."""
    victim = path.with_name("victim")
    victim.write_bytes(b"victim")
    match kind:
        case "link":
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(path.with_name("missing"))
        case "loop":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
        case "hard link":
            path.hardlink_to(victim)
    return victim


@pytest.mark.parametrize("by_descriptor", [True, False])
@pytest.mark.parametrize("kind", ["link", "dangling", "loop", "pipe"])
def test_nothing_is_read_or_written_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, by_descriptor: bool
) -> None:
    """Links and pipes are refused by name, with or without folders that can be opened, as on Windows."""
    monkeypatch.setattr(links, "_BY_DESCRIPTOR", by_descriptor)
    path = tmp_path / "a.json"
    victim = _put(path, kind)
    for use in (replace_file, append_to_file):
        with pytest.raises(UserError, match=r"a\.json is a (link|pipe)"):
            use(path, b"new")
    with pytest.raises(UserError, match=r"a\.json is a (link|pipe)"):
        read_file(path)
    with pytest.raises(OSError, match=r"exists"):
        write_file(path, b"new")
    assert victim.read_bytes() == b"victim" and not (tmp_path / "missing").exists()
    assert sorted(os.listdir(tmp_path)) == ["a.json", "victim"]


@pytest.mark.parametrize("kind", ["link", "dangling"])
def test_a_link_that_comes_after_the_check_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A link that takes a file's place between the check and the use is replaced, or refused by the system."""
    path = tmp_path / "a.json"
    victim = _put(path, kind)
    for module in (durable, links):
        monkeypatch.setattr(module, "refuse_link", lambda *_: None)
    for use in (lambda: read_file(path), lambda: append_to_file(path, b"new"), lambda: write_file(path, b"new")):
        with pytest.raises(OSError, match=r"a\.json|exists|symbolic"):
            use()
    replace_file(path, b"new")
    assert path.read_bytes() == b"new" and not path.is_symlink()
    assert victim.read_bytes() == b"victim" and not (tmp_path / "missing").exists()


def test_a_planted_temporary_name_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the name of the unfinished file were known and a link had it, nothing is written through that."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0")
    victim = _put(tmp_path / ".tmp-a.json-0", "link")
    with pytest.raises(OSError, match="exists"):
        replace_file(tmp_path / "a.json", b"new")
    assert victim.read_bytes() == b"victim"


@pytest.mark.parametrize("use", [replace_file, append_to_file])
def test_a_hard_link_is_not_written_in_place(tmp_path: Path, use: Callable[[Path, bytes], None]) -> None:
    """A file that has another name is replaced, and what the other name means stays."""
    victim = _put(tmp_path / "a.json", "hard link")
    use(tmp_path / "a.json", b" new")
    assert victim.read_bytes() == b"victim"
    assert (tmp_path / "a.json").read_bytes() in (b" new", b"victim new")


def test_a_folder_opened_once_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a link takes the folder's place while a file is written, the file is in the folder that was opened."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    fsync = os.fsync

    def swap(descriptor: int) -> None:
        fsync(descriptor)
        if not (tmp_path / "moved").exists():
            (tmp_path / "mine").rename(tmp_path / "moved")
            (tmp_path / "mine").symlink_to(tmp_path / "theirs")

    monkeypatch.setattr(os, "fsync", swap)
    replace_file(tmp_path / "mine" / "a.json", b"new")
    assert (tmp_path / "moved" / "a.json").read_bytes() == b"new"
    assert os.listdir(tmp_path / "theirs") == []
