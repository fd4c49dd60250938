"""Durable file writes: a crash at any moment leaves the old content or the new, never half of it.

No file is read or written through a link, since a folder that came from elsewhere may hold links to any file of the
user's; see `glimpse.runs.links`.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glimpse.errors import UserError
from glimpse.runs.links import NO_FOLLOW, open_folder, refuse_link, refuse_special_file

# Names of unfinished files and folders begin so. The writer of a folder removes those that a crash left.
TEMPORARY = ".tmp-"
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # Opening a pipe waits for the other end without it.


@contextmanager
def reporting_write_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a read-only folder and their like, met writing `path`, into one UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}. What was saved before is intact; "
            "make room or make the folder writable, then try again"
        ) from error


@contextmanager
def reporting_read_errors(path: Path) -> Iterator[None]:
    """Turn missing permissions, a failing disk and their like, met reading `path`, into one UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}. Make it readable, then try again") from error


def read_file(path: Path) -> bytes:
    """Read a regular file. Raises OSError, and UserError if it is a link, a pipe or a device."""
    refuse_link(path)
    descriptor = os.open(path, os.O_RDONLY | NO_FOLLOW | _NO_WAIT | _BINARY)
    with open(descriptor, "rb") as file:
        refuse_special_file(path, os.fstat(descriptor))
        return file.read()


def write_file(path: Path, data: bytes) -> None:
    """Write `data` into a new file and wait until it is on the disk. Raises OSError, if the name is taken too."""
    with open_folder(path.parent) as folder:
        folder.write_new(path.name, data)


def replace_file(path: Path, data: bytes) -> None:
    """Make `data` the content of `path` in one step.

    Raises:
        OSError: It cannot be written; then `path` is as it was.
        UserError: `path` is a link, a pipe or a device.
    """
    with open_folder(path.parent) as folder:
        refuse_link(path, folder)
        temporary = f"{TEMPORARY}{path.name}-{secrets.token_hex(4)}"
        try:
            folder.write_new(temporary, data)
            folder.rename(temporary, path.name)
        finally:
            folder.remove(temporary)
        folder.sync()


def append_to_file(path: Path, data: bytes, durable: bool = True) -> None:
    """Append `data` to `path`, which is made if it is missing; if that fails, what was there before is intact.

    Args:
        path: The file. Where it has other names (hard links), it is copied first, and these keep what they had.
        data: What is appended.
        durable: Wait until it is on the disk.

    Raises:
        OSError: It cannot be written.
        UserError: `path` is a link, a pipe or a device.
    """
    refuse_link(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_FOLLOW | _NO_WAIT | _BINARY
    descriptor = os.open(path, flags, 0o666)
    try:
        found = os.fstat(descriptor)
        refuse_special_file(path, found)
        if found.st_nlink > 1:
            os.close(descriptor)
            replace_file(path, read_file(path))
            descriptor = os.open(path, flags, 0o666)
        _append(descriptor, data, durable)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` (files made, renamed, removed) are on the disk. Raises OSError."""
    with open_folder(folder) as opened:
        opened.sync()


def _append(descriptor: int, data: bytes, durable: bool) -> None:
    """Append all of `data` or nothing; a disk that is nearly full first takes a part of it."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        if durable:
            os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, end)  # Half a row must not be glued to the next one.
        raise
