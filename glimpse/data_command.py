"""`glimpse data`: which data sets there are and where, fetching them, and checking their files."""

import sys
from collections.abc import Iterator

from glimpse.envs.catalogue import IMAGE_SETS, ImageSet
from glimpse.envs.errors import DataError
from glimpse.envs.sources import FileSet, Places, read_checked, unknown
from glimpse.envs.sources import fetch as fetch_files

_BY_REFERENCE = ("torchvision:", "folder:")


def list_data(root: str | None) -> None:
    """Print a table of the data sets known by name and where each was found; their files are not opened.

    Args:
        root: Data folder; without it GLIMPSE_DATA.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    places = Places.of(root)
    table = Table("name", "images (train + test)", "classes", "height x width", "where")
    for name, known in IMAGE_SETS.items():
        height, width = known.size
        row = name, f"{known.train:,} + {known.test:,}", str(len(known.classes)), f"{height} x {width}"
        table.add_row(*row, Text(_where(known, places), overflow="fold"))
    # A table that goes into a file or a pipe is not folded to the width of a terminal that is not there.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(table)
    print("Also torchvision:NAME (an image classification data set of torchvision) and folder:PATH")
    print("(PATH/train/CLASS/* and PATH/test/CLASS/*). Files are looked for in the data folder, then the cache:")
    print(f"  data folder  {places.named or 'none is named (GLIMPSE_DATA or data.root)'}")
    print(f"  cache        {places.cache}")


def _where(known: ImageSet, places: Places) -> str:
    """Where the files of a data set would be read from."""
    if known.files is None:
        return "comes with scikit-learn"
    copies = [places.copies(known.files.name, file) for file in known.files.md5]
    if not all(copies):
        return f"{'incomplete' if any(copies) else 'not here'}; glimpse data fetch {known.files.name}"
    return ", ".join(dict.fromkeys(str(found[0].parent) for found in copies))


def fetch(names: list[str], root: str | None, force: bool) -> None:
    """Bring data sets into the cache, unless they are there or in the data folder already.

    Args:
        names: Data sets; none means all that are known by name.
        root: Data folder; without it GLIMPSE_DATA.
        force: Fetch again what is there already; torchvision decides about its own files itself.

    Raises:
        DataError: A name is unknown, a file that is there is damaged, or no source delivered.
    """
    places = Places.of(root)
    for name in _checked_names(names):
        known = IMAGE_SETS.get(name)
        if known is None:
            _read_whole(name, root, download=True)
        elif known.files is None:
            print(f"{name}: {_where(known, places)}, nothing to fetch")
        else:
            _fetch_files(known.files, places, force)
            print(f"{name}: {_where(known, places)}")


def _fetch_files(files: FileSet, places: Places, force: bool) -> None:
    """Fetch what is missing (with `force`, everything), and check what was there."""
    copies = {file: places.copies(files.name, file) for file in files.md5}
    if not force:
        for file, found in copies.items():
            for path in found[:1]:
                read_checked(files, file, path, places)
    if force or not all(copies.values()):
        failures = fetch_files(files, places, force=force)
        if failures:
            raise DataError(f"{files.name} could not be fetched:" + "".join(f"\n  - {line}" for line in failures))


def verify(names: list[str], root: str | None) -> None:
    """Read and check every file of data sets that are here, with a line for each.

    Args:
        names: Data sets; none means all that are known by name. One that is named must be here.
        root: Data folder; without it GLIMPSE_DATA.

    Raises:
        DataError: A name is unknown, a file is damaged, or a data set that was named is not here.
    """
    places = Places.of(root)
    faults = 0
    for name in _checked_names(names):
        known = IMAGE_SETS.get(name)
        if known is None or known.files is None:
            _read_whole(name, root, download=False)
        elif names or any(places.copies(name, file) for file in known.files.md5):
            for good, line in _checks(known.files, places):
                print(line)
                faults += not good
        else:
            print(f"{name}: {_where(known, places)}")
    if faults:
        raise DataError(f"{faults} file{'s are' if faults > 1 else ' is'} damaged or missing; see above.")


def _checks(files: FileSet, places: Places) -> Iterator[tuple[bool, str]]:
    """Whether each copy of each file is good, with a line that says so. Its MD5 vouches for all it holds."""
    for file in files.md5:
        copies = places.copies(files.name, file)
        if not copies:
            yield False, f"{files.name}: {file} is not here; glimpse data fetch {files.name}"
        for path in copies:
            try:
                read_checked(files, file, path, places)
                yield True, f"{path}: ok"
            except DataError as error:
                yield False, str(error)


def _read_whole(name: str, root: str | None, download: bool) -> None:
    """Decode a data set that is not made of files known to us, which checks all that can be checked."""
    from glimpse.envs.datasets import load_images

    train, validation, test = (
        load_images(name, split, root=root, download=download) for split in ("train", "validation", "test")
    )
    size = " x ".join(map(str, test.images.shape[1:]))
    count = len(train.labels) + len(validation.labels)
    print(f"{name}: ok, {count:,} + {len(test.labels):,} images of {size}, {len(test.classes)} classes")


def _checked_names(names: list[str]) -> list[str]:
    """The names, or all that there are if none is given; raises DataError for one that is unknown."""
    for name in names:
        if name not in IMAGE_SETS and not name.startswith(_BY_REFERENCE):
            raise unknown(name, IMAGE_SETS, "data set", " There are also torchvision:NAME and folder:PATH.")
    return names or list(IMAGE_SETS)
