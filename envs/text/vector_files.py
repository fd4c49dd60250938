"""Reader of word vectors in text files: GloVe's format, word2vec's, and fastText's (.vec).

Each line has a word and its numbers, divided by spaces or tabs. In word2vec's and fastText's files the first line has
the counts of words and numbers, and lines may end with a space. A word may contain spaces; the first of equal words
counts. Words are compared in their composed form (NFC), as texts are.
"""

import unicodedata
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.file_contents import decoded, user_content
from glimpse.envs.errors import DataError
from glimpse.envs.live_line import counting, progress_of
from glimpse.envs.text.row_faults import shorten

_BINARY = (b"\xba\x16\x4f\x2f", b"\x93NUMPY", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""First bytes of fastText's models, NumPy's arrays, and Python's pickles."""


class WordVectorFile(NamedTuple):
    """Vectors (R, E) float32 of a file, and the row of each of its words."""

    row: dict[str, int]
    vectors: NDArray[np.float32]


def read_vector_file(path: Path) -> WordVectorFile:
    """Read the vectors of a text file, compressed or not.

    Raises:
        DataError: The file is empty, damaged, binary or no UTF-8; a line has other than a word and as many finite
            numbers as the others; or there are more or fewer words than its first line says.
    """
    content = user_content(path)
    _refuse_binary(path, content)
    lines = [line.rstrip(" \t\r") for line in decoded(path, content, "utf-8").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    counts = _counts(lines)
    first = 0 if counts is None else 1
    width = len(_parts(lines[first])) - 1 if len(lines) > first else 0
    if width < 1:
        raise DataError(f"{path}, line {first + 1} should be a word and its numbers, divided by spaces.")
    if counts is not None and counts != (len(lines) - 1, width):
        raise DataError(
            f"{path} has {len(lines) - 1:,} words with {width:,} numbers each, but its first line says {counts[0]:,} "
            f"and {counts[1]:,}: it is cut off, or another file. Get it again, or remove the first line."
        )
    row: dict[str, int] = {}
    vectors = np.empty((len(lines) - first, width), np.float32)
    with progress_of(f"vectors of {path.name} read", len(vectors)) as advance:
        for number, line in enumerate(counting(lines[first:], advance)):
            word, numbers = _word_and_numbers(line, width)
            if len(numbers) != width:
                message = f"should be a word and {width} numbers, got {shorten(line, 60)}"
                raise DataError(f"{path}, line {first + number + 1} {message}.")
            vectors[number] = numbers
            row.setdefault(word if word.isascii() else unicodedata.normalize("NFC", word), number)
    return WordVectorFile(row, vectors)


def _refuse_binary(path: Path, content: bytes) -> None:
    """Raise DataError if the file is a known binary one."""
    # In word2vec's binary files the counts stand in a first line, and numbers of four bytes follow each word.
    binary = path.name.lower().endswith((".bin", ".bin.gz")) or b"\0" in content
    if content.startswith(_BINARY) or (binary and not content.startswith(b"PK\x03\x04")):
        raise DataError(
            f"{path} is a binary file: vectors are read as text. fastText writes a text file, .vec, beside its .bin; "
            "gensim writes one with `save_word2vec_format(PATH, binary=False)`."
        )


def _counts(lines: Sequence[str]) -> tuple[int, int] | None:
    """Return the counts of words and numbers in the first line; None if it has a word and its numbers."""
    parts = _parts(lines[0]) if lines else []
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        return None
    counts = int(parts[0]), int(parts[1])
    one_number_each = len(lines) > 1 and len(_parts(lines[1])) == 2
    return None if one_number_each and counts != (len(lines) - 1, 1) else counts


def _parts(line: str) -> list[str]:
    """Divide a line at spaces and tabs, and at no other characters, which may be words."""
    return [part for part in line.replace("\t", " ").split(" ") if part]


def _word_and_numbers(line: str, width: int) -> tuple[str, list[float]]:
    """Return the word of a line and its finite numbers; no numbers if the line has other than `width` of them."""
    word, *written = line.rsplit(" ", width)
    if len(written) < width or "" in written or "\t" in line:  # Perhaps there are tabs, or several spaces.
        parts = _parts(line)
        word, written = " ".join(parts[:-width]), parts[-width:]
    try:
        numbers = [float(each) for each in written]
    except ValueError:
        return word, []
    return word, numbers if word and all(map(isfinite, numbers)) else []
