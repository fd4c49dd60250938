"""Durable file writes: a crash at any moment leaves the old content or the new, never half of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glimpse.errors import UserError

# Names of unfinished files and folders begin so. The writer of a folder removes those that a crash left.
TEMPORARY = ".tmp-"


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


def write_file(path: Path, data: bytes) -> None:
    """Write `data` and wait until it is on the disk. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` (files made, renamed, removed) are on the disk. Raises OSError."""
    if os.name == "nt":  # Windows cannot open a folder, and keeps its names in a journal.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes) -> None:
    """Make `data` the content of `path` in one step. Raises OSError, and then `path` is as it was."""
    temporary = path.with_name(TEMPORARY + path.name)
    try:
        write_file(temporary, data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
