r"""Read parallel texts: known data sets, a user's own files, and random strings.

Lines end with "\n", or with "\r\n" in a user's files. Python's `splitlines` is not used, since it would also divide
at other characters that occur within sentences.
"""

import string
import unicodedata
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

import numpy as np

from glimpse.envs.data.data_set import ParallelSet
from glimpse.envs.data.file_contents import user_text
from glimpse.envs.data.registry import PARALLEL_SETS
from glimpse.envs.data.sources import SearchPath, read_files
from glimpse.envs.data.splits import SPLIT_SEED, hold_out
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.row_faults import RowFaults
from glimpse.envs.translation.options import RANDOM_STRINGS, TranslationOptions, names_a_file


class Pairs(NamedTuple):
    """N source sentences and their translations."""

    source: list[str]
    target: list[str]


class ParallelText(NamedTuple):
    """The three splits of a parallel text."""

    train: Pairs
    validation: Pairs
    test: Pairs


def read_parallel(options: TranslationOptions, search_path: SearchPath) -> ParallelText:
    """Read all three splits of the data set that the options name.

    Raises:
        DataError: A file is missing, damaged, not in the expected encoding, or empty; two files differ in their
            number of lines, or a line is empty.
    """
    if options.data in RANDOM_STRINGS:
        return _random_strings(options)
    if names_a_file(options.data):
        return _own_files(options)
    known = PARALLEL_SETS[options.data]
    texts: ParallelText = resolve_name(known.read)(known, options, search_path)
    return texts


def read_language_files(known: ParallelSet, options: TranslationOptions, search_path: SearchPath) -> ParallelText:
    """Read a data set whose files are named PART.LANGUAGE; its validation part is named `val`.

    Args:
        known: Its entry in the registry.
        options: They name the source and target language, and perhaps another test part than the default.
        search_path: Folders that are searched for its files.

    Raises:
        DataError: A file is missing or damaged.
    """
    if known.files is None:
        raise DataError("a parallel data set without files needs a `read` of its own in its registry entry")
    parts = ("train", "val", options.test or known.tests[0])
    names = [f"{part}.{language}" for part in parts for language in (options.source, options.target)]
    found = read_files(known.files, names, search_path)
    lines = [content.decode().removesuffix("\n").split("\n") for _, content in found]
    return ParallelText(*(Pairs(lines[2 * part], lines[2 * part + 1]) for part in range(3)))


def _own_files(options: TranslationOptions) -> ParallelText:
    """Read a user's files; without a validation part, hold one out of the training part."""
    train = _own_pair(options.data, options)
    if options.validation:
        validation = _own_pair(options.validation, options)
    else:
        kept, held = hold_out(len(train.source), 10, options.data)
        train, validation = (Pairs(*([side[n] for n in some] for side in train)) for some in (kept, held))
    return ParallelText(train, validation, _own_pair(options.test, options) if options.test else validation)


def _own_pair(prefix: str, options: TranslationOptions) -> Pairs:
    """Read the two files of a pair; check that they have equally many lines, none of them empty."""
    stem = str(user_path(prefix.removeprefix("file:"), "the file of a pair"))
    paths = [_find(stem, language) for language in (options.source, options.target)]
    pair = Pairs(*(_lines(path, options.encoding) for path in paths))
    counts = [len(lines) for lines in pair]
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]:,} lines and {paths[1]} has {counts[1]:,}: line n of one should be the "
            "translation of line n of the other. Give both files equally many lines."
        )
    for path, lines in zip(paths, pair, strict=True):
        faults = RowFaults(path)
        for number, line in enumerate(lines, 1):
            if not line:
                faults.add(f"line {number}", " is empty", "Fill it in, or remove this line from both files.")
        faults.check()
    return pair


def _find(stem: str, language: str) -> Path:
    """Return the path of a language's file, which may be compressed."""
    for ending in ("", ".gz", ".xz"):
        path = Path(f"{stem}.{language}{ending}")
        if path.exists():
            return path
    raise DataError(f"{stem}.{language} does not exist (nor with .gz or .xz appended).")


def _lines(path: Path, encoding: str) -> list[str]:
    """Read and decode the lines of a file, without spaces at their ends; letters and their accents are composed."""
    text = user_text(path, encoding, ", or set `encoding: latin-1` if that is what it is")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # As old programs on Macs end lines.
    return [line.strip() for line in unicodedata.normalize("NFC", text).removesuffix("\n").split("\n")]


def _random_strings(options: TranslationOptions) -> ParallelText:
    """Draw strings of uniform lengths and symbols; their translations are copies or reversals."""
    # RandomState, whose draws NumPy guarantees never to change.
    random = np.random.RandomState(SPLIT_SEED)
    step = 1 if options.data == "copy" else -1
    parts = []
    for count in (options.strings, *(max(10, options.strings // 20),) * 2):
        length = random.randint(1, options.longest + 1, count)
        symbols = random.randint(0, options.symbols, (count, options.longest))
        rows = [[string.ascii_lowercase[s] for s in row[:n]] for row, n in zip(symbols, length, strict=True)]
        parts.append(Pairs([" ".join(row) for row in rows], [" ".join(row[::step]) for row in rows]))
    return ParallelText(*parts)
