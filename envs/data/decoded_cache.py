"""Cache of decoded data: folders of plain files beside the downloads, each written once and then only read.

An entry is found by a key of all that decides its content: the files' paths, sizes and times of change, and the options
of the decoding. It is written to a folder of another name, synced, and renamed, while a lock keeps other processes from
writing the same one. An entry whose files have changed is replaced by the next one of the same subject, and one that
other code has decoded by the next one from the same source.
"""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from glimpse.envs.data.downloads import PART, print_status, remove
from glimpse.envs.errors import DataError

_FOLDER = "decoded"
_FACTS = "entry.json"
_FORMAT = 1
_SPARE = 1 << 26
"""Bytes that must be left on the disk."""


@dataclass(frozen=True)
class DecodedEntry:
    """Entry of the cache.

    Attributes:
        path: Its folder.
        what: What was decoded, for people.
        bytes: Its size on the disk.
        made: When it was written, in seconds since 1970.
        source: The folder of the files that were decoded; empty where that is not known.
    """

    path: Path
    what: str
    bytes: int
    made: float
    source: str = ""


class DecodedFrom(NamedTuple):
    """Where decoded data are from.

    source: The folder of the files.
    code: Digest of the code that decodes; see `code_digest`.
    """

    source: str
    code: str


def decoded_folder(cache_folder: Path) -> Path:
    """Return the folder of the cache's decoded data."""
    return cache_folder / _FOLDER


def stamps(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Return what tells whether files are the ones that were decoded: paths, sizes, and times of change.

    Raises:
        DataError: A file cannot be found.
    """
    found = []
    for file in files:
        try:
            state = file.stat()
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error.strerror})") from error
        found.append((str(file), state.st_size, state.st_mtime_ns))
    return found


@cache
def code_digest(*modules: Path) -> str:
    """Return a digest of modules, and of those in folders: what other code has decoded is not trusted."""
    known = hashlib.sha256()
    for path in modules:
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            known.update(file.read_bytes())
    return known.hexdigest()


def keep_decoded(
    cache_folder: Path,
    what: str,
    subject: object,
    content: object,
    needed: int,
    write: Callable[[Path], Mapping[str, Any]],
    origin: DecodedFrom | None = None,
) -> Path:
    """Return the folder of an entry, which is written first if it is not there.

    Args:
        cache_folder: The cache, which holds the downloads too.
        what: What is decoded, for people.
        subject: What is decoded and how, as JSON; an entry of the same subject that has another content is removed.
        content: What decides the content, besides the subject, as JSON; such as `stamps`.
        needed: Bytes that will be written.
        write: Writes the entry's files into a folder.
        origin: Where they are from: what other code has decoded of the same is removed.

    Raises:
        OSError: The cache cannot be written, or there is no room for the entry; then nothing is left of it.
    """
    target = entry_folder(cache_folder, subject, content)
    if is_entry(target):
        return target
    folder, name = target.parent, target.name.partition("-")[0]
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{name}.lock", what):
        if is_entry(target):
            return target
        for other in folder.glob(f"{name}-*"):  # Older ones, and what is left of a process that was killed.
            remove(other)
        if shutil.disk_usage(folder).free < needed + _SPARE:
            raise OSError(errno.ENOSPC, f"{needed / 1e9:,.2f} GB are needed")
        _write(target, what, write, origin)
    if origin is not None:
        _drop_outdated(folder, what, origin)
    return target


def _drop_outdated(folder: Path, what: str, origin: DecodedFrom) -> None:
    """Remove what other code has decoded from the same source, which this code never reads."""
    for facts in folder.glob(f"*/{_FACTS}"):
        with suppress(OSError, ValueError, Timeout):  # It is damaged, cannot be removed, or is being written.
            said = entry_facts(facts.parent)
            if said["what"] == what and said.get("source") == origin.source and said.get("code") != origin.code:
                with FileLock(folder / f"{facts.parent.name.partition('-')[0]}.lock", timeout=0):
                    remove(facts.parent)


def entry_folder(cache_folder: Path, subject: object, content: object) -> Path:
    """Return the folder that an entry has, or would have; see `keep_decoded`."""
    return decoded_folder(cache_folder) / f"{_digest([_FORMAT, subject])[:16]}-{_digest([content])[:32]}"


def is_entry(folder: Path) -> bool:
    """Return whether a whole entry is in a folder."""
    return (folder / _FACTS).is_file()


def _write(target: Path, what: str, write: Callable[[Path], Mapping[str, Any]], origin: DecodedFrom | None) -> None:
    """Write an entry beside its place, and rename it."""
    part = target.with_name(target.name + PART)
    try:
        part.mkdir()
        facts = write(part)
        known = {} if origin is None else origin._asdict()
        (part / _FACTS).write_text(json.dumps({"what": what, "made": time.time(), **known, **facts}))
        for file in part.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        os.replace(part, target)
    finally:
        remove(part)


@contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock, after a line for the user if another process holds it."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print_status(f"Waiting for another process that decodes {what} ...")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def entry_facts(folder: Path) -> dict[str, Any]:
    """Return what an entry says of itself.

    Raises:
        OSError, ValueError: It cannot be read, or is damaged.
    """
    facts: dict[str, Any] = json.loads((folder / _FACTS).read_text())
    return facts


def list_decoded(cache_folder: Path) -> list[DecodedEntry]:
    """Return the entries of the cache, the newest first."""
    found = []
    for facts in decoded_folder(cache_folder).glob(f"*/{_FACTS}"):
        try:
            said = entry_facts(facts.parent)
            size = sum(file.stat().st_size for file in facts.parent.iterdir())
            source = str(said.get("source", ""))
            found.append(DecodedEntry(facts.parent, str(said["what"]), size, float(said["made"]), source))
        except (OSError, ValueError, KeyError, TypeError):  # Another process removes it, or it is damaged.
            found.append(DecodedEntry(facts.parent, "damaged", 0, 0.0))
    return sorted(found, key=lambda entry: -entry.made)


def clear_decoded(cache_folder: Path, only: Iterable[Path] | None = None) -> None:
    """Remove decoded data, except what another process is writing; one that reads keeps what it has opened.

    Args:
        cache_folder: The cache.
        only: Folders of the entries that are removed; None for all.

    Raises:
        DataError: They cannot be removed.
    """
    folder = decoded_folder(cache_folder)
    try:
        for entry in folder.glob("*-*") if only is None else only:
            with suppress(Timeout), FileLock(folder / f"{entry.name.partition('-')[0]}.lock", timeout=0):
                remove(entry)
    except OSError as error:
        raise DataError(f"{folder} cannot be cleared ({error.strerror})") from error


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
