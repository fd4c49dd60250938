"""Digests of the files that a data set was read from, noted while they are read; and a cache of what was read."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from pathlib import Path
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Read = TypeVar("_Read")
_Stamp = tuple[int, ...] | None


class FileDigest(NamedTuple):
    """Digest of a file's uncompressed content.

    name: its name alone, without folders and without .gz or .xz; a picture's name within the folder of its data set.
    bytes: its length.
    sha256: in hexadecimal digits.
    """

    name: str
    bytes: int
    sha256: str


class NotedFiles:
    """Files and folders that were read, in order.

    digests: of the files.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._digests: dict[FileDigest, None] = {}
        self._stamps: dict[Path, _Stamp] = {}

    @property
    def digests(self) -> list[FileDigest]:
        """Digests of the files."""
        return list(self._digests)

    @property
    def unchanged(self) -> bool:
        """Return whether no file or folder has been written, renamed or removed since."""
        return all(_stamp(path) == stamp for path, stamp in self._stamps.items())

    def add(self, path: Path, digest: FileDigest | None) -> None:
        """Add a file, or a folder, which has no digest."""
        self._stamps[path] = _stamp(path)
        if digest is not None:
            self._digests[digest] = None

    def add_all(self, others: "NotedFiles") -> None:
        """Add those that others have noted, as they were then."""
        self._digests |= others._digests
        self._stamps |= others._stamps

    def to_json(self) -> dict[str, Any]:
        """Return all of them for `from_json`."""
        stamps = [[str(path), stamp] for path, stamp in self._stamps.items()]
        return {"stamps": stamps, "digests": [list(digest) for digest in self._digests]}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "NotedFiles":
        """Return those that `to_json` has written, as they were then."""
        found = cls()
        found._stamps = {Path(path): None if stamp is None else tuple(stamp) for path, stamp in written["stamps"]}
        found._digests = {FileDigest(*digest): None for digest in written["digests"]}
        return found


_active: ContextVar[NotedFiles | None] = ContextVar("_active", default=None)


@contextmanager
def noting_files() -> Iterator[NotedFiles]:
    """Yield what notes the files that are read in this context."""
    outer, noted = _active.get(), NotedFiles()
    reset = _active.set(noted)
    try:
        yield noted
    finally:
        _active.reset(reset)
        if outer is not None:
            outer.add_all(noted)


def note_file(path: Path, content: bytes, name: str | None = None) -> None:
    """Note a file that was read, with its uncompressed content, by its own name or by one within its data set."""
    if _active.get() is not None:
        note_digest(path, len(content), hashlib.sha256(content).hexdigest(), name)


def note_digest(path: Path, size: int, sha256: str, name: str | None = None) -> None:
    """Note a file that was read earlier, by the size and the digest that it had then; see `note_file`."""
    noted = _active.get()
    if noted is not None:
        name = (name or path.name).removesuffix(".gz").removesuffix(".xz")
        noted.add(path, FileDigest(name, size, sha256))


def note_all(read: NotedFiles) -> None:
    """Note files that were read earlier."""
    noted = _active.get()
    if noted is not None:
        noted.add_all(read)


def note_folder(path: Path) -> None:
    """Note a folder whose files were listed."""
    noted = _active.get()
    if noted is not None:
        noted.add(path, None)


class CachedReader(Generic[_Given, _Read]):
    """Function that remembers what it has read, and reads again where a file has changed since.

    Each call notes the digests of the files. Errors are not remembered.
    """

    def __init__(self, function: Callable[_Given, _Read]) -> None:
        """Wrap a function whose arguments can be hashed."""
        self._function = function
        self._remembered: dict[object, tuple[_Read, NotedFiles]] = {}
        update_wrapper(self, function)

    def __call__(self, *args: _Given.args, **given: _Given.kwargs) -> _Read:
        """Return what the function returns, or returned before."""
        if (known := self._recall(args, given)) is not None:
            return known[0]
        with noting_files() as noted:
            result = self._function(*args, **given)
        self._remembered[_key(args, given)] = result, noted
        return result

    def recall(self, *args: _Given.args, **given: _Given.kwargs) -> _Read | None:
        """Return what the function returned before; None if it was never called so, or a file has changed since."""
        known = self._recall(args, given)
        return None if known is None else known[0]

    def _recall(self, args: tuple[object, ...], given: Mapping[str, object]) -> tuple[_Read, NotedFiles] | None:
        known, outer = self._remembered.get(_key(args, given)), _active.get()
        if known is None or not known[1].unchanged:
            return None
        if outer is not None:
            outer.add_all(known[1])
        return known

    def cache_clear(self) -> None:
        """Forget everything."""
        self._remembered.clear()


def _key(args: tuple[object, ...], given: Mapping[str, object]) -> object:
    """Return what tells two calls apart."""
    return args, tuple(sorted(given.items()))


def _stamp(path: Path) -> _Stamp:
    """Return what changes when a file or folder is written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
