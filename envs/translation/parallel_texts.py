r"""Parallel texts before they are divided into pieces: known sets, a user's own files, and random strings.

Lines end with "\n" alone, and with "\r\n" in a user's files: some sentences hold other characters that Python's
`splitlines` would divide at.
"""

import string
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from glimpse.envs.data.file_contents import uncompressed
from glimpse.envs.data.sources import FileSet, Places, read_files
from glimpse.envs.data.splits import SPLIT_SEED, hold_out
from glimpse.envs.errors import DataError
from glimpse.envs.translation.options import RANDOM_STRINGS, TranslationOptions, names_a_file


@dataclass(frozen=True)
class ParallelSet:
    """Facts about a data set.

    Attributes:
        files: Its files, PART.LANGUAGE each.
        languages: That any two of are parallel.
        tests: Its test parts; the first is the usual one.
        size: How many pairs training, validation and the first test part have.
    """

    files: FileSet
    languages: tuple[str, ...]
    tests: tuple[str, ...]
    size: tuple[int, int, int]


PARALLEL_SETS = {
    "multi30k": ParallelSet(
        FileSet(
            "multi30k",
            {
                "train.en": "053a34ece7c904dbc8c7361799afbe4c",
                "train.de": "d3b4bc1671cfb805267f97f16884beba",
                "val.en": "2234730e7925354b766681b029b347ec",
                "val.de": "9f139b15d9d11936dea7af2904e57d8c",
                "test_2016_flickr.en": "2022a6c31e2418047a0511333d55ed42",
                "test_2016_flickr.de": "cde61d7401b116652ee84099c7858ca3",
                "test_2017_flickr.en": "956eb7b4f31dd4b8f39b4e74756ebd11",
                "test_2017_flickr.de": "798e7b25ccbaab6767b20f9b4cec6901",
                "test_2017_mscoco.en": "9136efc03561305aedd74be5c0eedb2e",
                "test_2017_mscoco.de": "ab02abcdf97edbf8ea33e34863a46a81",
            },
            otherwise="use `data: copy`, which needs no file, or your own `data: file:PREFIX`",
        ),
        ("en", "de"),
        ("test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"),
        (29_000, 1_014, 1_000),
    )
}
"""Parallel texts by name. Multi30k: captions of pictures, English and German (Elliott et al., 2016)."""


class Pairs(NamedTuple):
    """N sentences, and their translations."""

    source: list[str]
    target: list[str]


class ParallelText(NamedTuple):
    """The three splits."""

    train: Pairs
    validation: Pairs
    test: Pairs


def read_parallel(options: TranslationOptions, places: Places) -> ParallelText:
    """Read what the options name.

    Raises:
        DataError: A file is missing, damaged, not in the encoding expected, or empty; two files differ in their
            number of lines, or a line is empty.
    """
    if options.data in RANDOM_STRINGS:
        return _random_strings(options)
    if names_a_file(options.data):
        return _own_files(options)
    known = PARALLEL_SETS[options.data]
    parts = ("train", "val", options.test or known.tests[0])
    names = [f"{part}.{language}" for part in parts for language in (options.source, options.target)]
    found = read_files(known.files, names, places)
    lines = [content.decode().removesuffix("\n").split("\n") for _, content in found]
    return ParallelText(*(Pairs(lines[2 * part], lines[2 * part + 1]) for part in range(3)))


def _own_files(options: TranslationOptions) -> ParallelText:
    """A user's files; a validation part that is not named is held out of training."""
    train = _own_pair(options.data, options)
    if options.validation:
        validation = _own_pair(options.validation, options)
    else:
        kept, held = hold_out(len(train.source), 10, options.data)
        train, validation = (Pairs(*([side[n] for n in some] for side in train)) for some in (kept, held))
    return ParallelText(train, validation, _own_pair(options.test, options) if options.test else validation)


def _own_pair(prefix: str, options: TranslationOptions) -> Pairs:
    """Two files of as many lines, of which none is empty."""
    stem = str(Path(prefix.removeprefix("file:")).expanduser())
    paths = [_find(stem, language) for language in (options.source, options.target)]
    pair = Pairs(*(_lines(path, options.encoding) for path in paths))
    counts = [len(lines) for lines in pair]
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]:,} lines and {paths[1]} has {counts[1]:,}: line n of one should be the "
            "translation of line n of the other. Give both as many lines."
        )
    for path, lines in zip(paths, pair, strict=True):
        empty = next((number for number, line in enumerate(lines, 1) if not line), None)
        if empty is not None:
            raise DataError(f"{path}, line {empty} is empty. Fill it in, or remove this line from both files.")
    return pair


def _find(stem: str, language: str) -> Path:
    """The file of a language, which may be compressed."""
    for ending in ("", ".gz", ".xz"):
        path = Path(f"{stem}.{language}{ending}")
        if path.exists():
            return path
    raise DataError(f"{stem}.{language} is not there (nor with .gz or .xz after that).")


def _lines(path: Path, encoding: str) -> list[str]:
    try:
        content = uncompressed(path)
    except DataError as fault:
        raise DataError(f"{path} {fault}.") from fault
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DataError(
            f"{path} holds NUL bytes, the first in line {line}, as UTF-16 and files without text do. Save it as UTF-8."
        )
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not {encoding.upper()}, as expected: byte {error.start} (line {line}) is "
            f"0x{content[error.start]:02x}. Save it as UTF-8, or set `encoding: latin-1` if that is what it is."
        ) from error
    return [line.strip() for line in text.removesuffix("\n").split("\n")]


def _random_strings(options: TranslationOptions) -> ParallelText:
    """Strings of uniform lengths and symbols, and the same again, as they are or from the last to the first."""
    # NumPy promises never to change what RandomState draws.
    random = np.random.RandomState(SPLIT_SEED)
    step = 1 if options.data == "copy" else -1
    parts = []
    for count in (options.strings, *(max(10, options.strings // 20),) * 2):
        length = random.randint(1, options.longest + 1, count)
        symbols = random.randint(0, options.symbols, (count, options.longest))
        rows = [[string.ascii_lowercase[s] for s in row[:n]] for row, n in zip(symbols, length, strict=True)]
        parts.append(Pairs([" ".join(row) for row in rows], [" ".join(row[::step]) for row in rows]))
    return ParallelText(*parts)
