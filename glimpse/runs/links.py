"""Guard against links: a folder that came from elsewhere must not lead its user's reads and writes out of it."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from glimpse.errors import UserError

NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
"""Flag of `os.open` that refuses a link; 0 on Windows, where the check beforehand must do."""
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.rename in os.supports_dir_fd and os.unlink in os.supports_dir_fd
_OF_WANDB = re.compile(r"wandb/[^/]+/logs/debug-core\.log"), re.compile(r"core-debug-\w+\.log")
"""A link that wandb makes in each of its runs and nobody follows: its path in a run, and the name it leads to."""


def refuse_links(folder: Path) -> None:
    """Check that a folder and those in it hold nothing but folders and regular files; `folder` itself may be a link.

    Raises:
        UserError: If there is a link, a pipe, a socket or a device, with its path; or if a folder cannot be read.
    """

    def fail(error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            return  # Training has just removed it.
        raise UserError(f"cannot read {error.filename}: {error.strerror}. Make it readable, then try again")

    for here, folders, files in os.walk(folder, onerror=fail):
        for name in sorted(folders + files):
            path = Path(here, name)
            if not _is_made_by_wandb(path.relative_to(folder), path):
                refuse_link(path)


def refuse_link(path: Path, folder: "OpenFolder | None" = None) -> None:
    """Check that a path is no link, pipe, socket or device; it may be missing.

    Args:
        path: The path.
        folder: Its folder where that has been opened.

    Raises:
        UserError: If it is.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        refuse_special_file(path, folder.look(path.name) if folder else path.lstat())


def refuse_special_file(path: Path, found: os.stat_result) -> None:
    """Check by its status that a file is a regular one, or a folder. Raises UserError if not."""
    if stat.S_ISLNK(found.st_mode) or _is_junction(found):
        raise UserError(
            f"{path} is a link, which might lead to any file of yours, so it is neither read nor written. "
            "Remove it, or put what it leads to in its place"
        )
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise UserError(f"{path} is a pipe, a socket or a device, expected a regular file. Remove it")


def make_folder(path: Path) -> None:
    """Make a folder and those above it; an existing one must be no link. Raises OSError, or UserError for a link."""
    refuse_link(path)
    path.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class OpenFolder:
    """A folder opened once: its names are the same folder's even if its path comes to mean another one.

    path: its path.
    descriptor: its descriptor; None where the system works by paths only.
    """

    path: Path
    descriptor: int | None

    def _named(self, name: str) -> str | Path:
        return self.path / name if self.descriptor is None else name

    def look(self, name: str) -> os.stat_result:
        """Return the status of a name in the folder, of a link its own. Raises OSError."""
        return os.stat(self._named(name), dir_fd=self.descriptor, follow_symlinks=False)

    def write_new(self, name: str, data: bytes) -> None:
        """Write a new file and wait until it is on the disk. Raises OSError, if the name is taken too."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW | getattr(os, "O_BINARY", 0)
        with open(os.open(self._named(name), flags, 0o666, dir_fd=self.descriptor), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """Rename a file, replacing what has the new name. Raises OSError."""
        os.replace(self._named(old), self._named(new), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, if there is one. Raises OSError."""
        with suppress(FileNotFoundError):
            os.unlink(self._named(name), dir_fd=self.descriptor)

    def sync(self) -> None:
        """Wait until the folder's names are on the disk; Windows keeps them in a journal. Raises OSError."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)


@contextmanager
def open_folder(path: Path, follow: bool = True) -> Iterator[OpenFolder]:
    """Open a folder while the context lasts. Raises OSError; without `follow`, UserError if it is a link."""
    if not follow:
        refuse_link(path)
    if not _BY_DESCRIPTOR:
        yield OpenFolder(path, None)
        return
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | (0 if follow else NO_FOLLOW)
    descriptor = os.open(path, flags)
    try:
        yield OpenFolder(path, descriptor)
    finally:
        os.close(descriptor)


def _is_junction(found: os.stat_result) -> bool:
    """Return whether a status is that of a Windows junction, a link of folders that `S_ISLNK` does not know."""
    return getattr(found, "st_reparse_tag", 0) == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


def _is_made_by_wandb(inside: Path, path: Path) -> bool:
    """Return whether a path inside a run is the link that wandb makes to a log of its own."""
    place, target = _OF_WANDB
    return bool(place.fullmatch(inside.as_posix())) and bool(target.fullmatch(_link_target(path).name))


def _link_target(path: Path) -> Path:
    """Return what a link leads to; an empty path for what is no link."""
    try:
        return Path(os.readlink(path))
    except OSError:
        return Path()
