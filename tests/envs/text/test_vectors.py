"""Word vectors from files, and from an installed package."""

import dataclasses
import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from glimpse.envs.data.glove_files import GLOVE_WHOLE
from glimpse.envs.data.sources import FileSet, SearchPath
from glimpse.envs.errors import DataError
from glimpse.envs.text import vectors
from glimpse.envs.text.vectors import read_vectors

WORDS = "the\n'\ncaf\xe9\n".encode()
NUMBERS = np.array([[1, 2], [3, 4], [0.5, -1]], np.float16)


@pytest.fixture
def search_path(tmp_path: Path) -> SearchPath:
    """An empty data folder and an empty cache."""
    return SearchPath(tmp_path / "data", tmp_path / "cache")


def install(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write small files and register them as GloVe's."""
    buffer = io.BytesIO()
    np.save(buffer, NUMBERS)
    contents = {"words.txt": WORDS, "numbers.npy": buffer.getvalue()}
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(vectors, "GLOVE", FileSet("glove", md5))
    assert search_path.named
    (search_path.named / "glove").mkdir(parents=True)
    for name, content in contents.items():
        (search_path.named / "glove" / f"{name}.gz").write_bytes(gzip.compress(content))


def test_glove_comes_from_the_data_folder(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word on line i has row i of the numbers; the table is cached."""
    install(search_path, monkeypatch)
    table = read_vectors("glove", search_path)
    assert table.row == {"the": 0, "'": 1, "caf\xe9": 2}
    assert np.array_equal(table.vectors, NUMBERS)
    assert read_vectors("glove", search_path) is table


def test_without_glove_the_package_is_named(search_path: SearchPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    assert GLOVE_WHOLE.wheel is not None
    gone = dataclasses.replace(GLOVE_WHOLE.wheel, name="no-such-distribution-here")
    monkeypatch.setattr(vectors, "GLOVE_WHOLE", dataclasses.replace(GLOVE_WHOLE, wheel=gone))
    with pytest.raises(DataError, match=r"1\.0\.0: not installed\n.*pip install 'glimpse-rl\[text\]'"):
        read_vectors("glove", search_path)


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_a_file_in_gloves_format(header: str, tmp_path: Path, search_path: SearchPath) -> None:
    """The first line may have counts; a word may contain spaces, and the first of equal words counts."""
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(f"{header}the 1 2\n. . 3 4e-1\nthe 5 6\n".encode()))
    table = read_vectors(f"file:{path}", search_path)
    assert table.row == {"the": 0, ". .": 1}
    assert np.allclose(table.vectors[:2], np.array([[1, 2], [3, 0.4]]))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"the 1 2\nof 3 x\n", r"line 2 should be a word and 2 numbers, got 'of 3 x'"),
        (b"the 1 2\nof 3\n", r"line 2 should be"),
        (b"the\n", "line 1 should be a word and its numbers"),
        (b"3 2\n", "line 2 should be a word and its numbers"),
        (b"", "is empty"),
        (b"caf\xe9 1 2\n", "not UTF-8, as expected: byte 3"),
    ],
)
def test_a_file_of_something_else_is_refused(
    content: bytes, complaint: str, tmp_path: Path, search_path: SearchPath
) -> None:
    """The error has the line."""
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"v\.txt.*{complaint}"):
        read_vectors(f"file:{tmp_path / 'v.txt'}", search_path)


@pytest.mark.parametrize(
    "content",
    [
        "the 1 2\ncaf\xe9 3 4e-1\n",
        "2 2\nthe 1 2 \ncafe\u0301 3 .4 \n",  # word2vec, with trailing spaces, and a decomposed letter
        "2 2\r\nthe 1 2\r\ncaf\xe9 3 0.4\r\n\r\n",
        "\ufeffthe\t1\t2\ncaf\xe9\t3\t0.4",
        "the  1  2\ncaf\xe9 3 0.4\n",
    ],
)
@pytest.mark.parametrize("end", [".vec", ".txt", ".vec.gz"])
def test_files_of_word2vec_and_fasttext(content: str, end: str, tmp_path: Path, search_path: SearchPath) -> None:
    """Counts, spaces at line ends, tabs and marks of the file's beginning change nothing."""
    written = content.encode()
    (tmp_path / f"v{end}").write_bytes(gzip.compress(written) if end.endswith(".gz") else written)
    table = read_vectors(f"file:{tmp_path / f'v{end}'}", search_path)
    assert table.row == {"the": 0, "caf\xe9": 1}
    assert np.allclose(table.vectors, np.array([[1, 2], [3, 0.4]]))


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("2 1\nthe 5\nof 6\n", {"the": 0, "of": 1}),  # One number each, with counts.
        ("the 5\nof 6\n", {"the": 0, "of": 1}),  # The same without.
        ("3 5\n4 6\n", {"3": 0, "4": 1}),  # Numbers are words too.
        ("the 1 2\n\xa0 3 4\n\u3000 5 6\nthe 7 8\n", {"the": 0, "\xa0": 1, "\u3000": 2}),
        ("1 2 3\n2 3 4\n", {"1": 0, "2": 1}),
    ],
)
def test_words_may_be_numbers_and_odd_spaces(
    content: str, row: dict[str, int], tmp_path: Path, search_path: SearchPath
) -> None:
    """Only spaces and tabs divide, and a first line of two numbers is a line of counts if the others have more."""
    (tmp_path / "v.txt").write_text(content)
    assert read_vectors(f"file:{tmp_path / 'v.txt'}", search_path).row == row


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("v.bin", b"2 2\nthe \x01\x02\x03\x04abcd", "is a binary file: vectors are read as text. fastText writes"),
        ("v.vec", b"2 2\nthe \x00\x00\x80\x3f\x00\x00\x00\x40\n", "is a binary file"),
        ("model", b"\xba\x16\x4f\x2f\x0c\x00", "is a binary file"),
        ("v.kv", b"\x80\x04\x95abc", "is a binary file"),
        ("v.npy", b"\x93NUMPYabc", "is a binary file"),
        ("glove.zip", b"PK\x03\x04\x00abc", "is a zip archive"),
        ("v.txt", b"3 2\nthe 1 2\nof 3 4\n", "has 2 words with 2 numbers each, but its first line says 3 and 2"),
        ("v.txt", b"2 300\nthe 1 2\nof 3 4\n", "2 numbers each, but its first line says 2 and 300"),
        ("v.txt", b"the 1 2\nof nan 4\n", "line 2 should be a word and 2 numbers, got 'of nan 4'"),
        ("v.txt", b"the 1 2\n1 2\n", "line 2 should be a word and 2 numbers"),
        ("v.txt", b"the 1 2\n\nof 1 2\n", "line 2 should be a word and 2 numbers, got ''"),
        ("v.txt", b"\n\n", "line 1 should be a word and its numbers"),
    ],
)
def test_binary_and_cut_files_are_named(
    name: str, content: bytes, complaint: str, tmp_path: Path, search_path: SearchPath
) -> None:
    """The error says which file to give instead, or what does not agree."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        read_vectors(f"file:{tmp_path / name}", search_path)


def test_no_vectors_can_be_wanted(search_path: SearchPath) -> None:
    """With `none` no word has a vector."""
    assert read_vectors("none", search_path).row == {}
