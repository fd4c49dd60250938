"""Parallel texts: known sets, a user's own files and what can be wrong with them, and random strings."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from glimpse.envs.data.registry import PARALLEL_SETS
from glimpse.envs.data.sources import SearchPath, find_copies
from glimpse.envs.errors import DataError
from glimpse.envs.translation.options import TranslationOptions
from glimpse.envs.translation.parallel_texts import read_parallel

REAL_DATA = os.environ.get("GLIMPSE_DATA")
NOWHERE = SearchPath(None, Path("/nowhere"))


def options(**given: Any) -> TranslationOptions:
    """Make options of the translation environment."""
    return TranslationOptions.model_validate({"name": "translate", **given})


def write(folder: Path, name: str, lines: list[str], end: str = "\n") -> None:
    """Write a file with one sentence per line."""
    (folder / name).write_bytes("".join(line + end for line in lines).encode())


def test_own_files(tmp_path: Path) -> None:
    """Files may be compressed or have CR LF line ends; U+2028 does not end a line."""
    write(tmp_path, "train.en", ["one\u2028two", "three"])
    write(tmp_path, "train.fr", ["un deux", "trois"], end="\r\n")
    write(tmp_path, "dev.en", ["four"])
    (tmp_path / "dev.fr.gz").write_bytes(gzip.compress(b"quatre\n"))
    read = read_parallel(
        options(data=f"file:{tmp_path}/train", target="fr", validation=f"file:{tmp_path}/dev"), NOWHERE
    )
    assert read.train == (["one\u2028two", "three"], ["un deux", "trois"])
    assert read.validation == (["four"], ["quatre"]) == read.test


def test_letters_are_composed_and_old_line_ends_read(tmp_path: Path) -> None:
    """Decoded translations are composed, so the references they are compared with are too."""
    (tmp_path / "x.en").write_bytes("\ufeffcafe\u0301\rno".encode())
    (tmp_path / "x.de").write_bytes("\u1112\u1161\u11ab\nA\u030a\n".encode())
    read = read_parallel(options(data=f"file:{tmp_path}/x", validation=f"file:{tmp_path}/x"), NOWHERE)
    assert read.train == (["caf\xe9", "no"], ["\ud55c", "\xc5"])


def test_without_a_validation_part_a_tenth_is_held_out(tmp_path: Path) -> None:
    """Sentences stay paired with their translations, and no pair is in both parts."""
    write(tmp_path, "all.en", [f"e{n}" for n in range(30)])
    write(tmp_path, "all.de", [f"d{n}" for n in range(30)])
    read = read_parallel(options(data=f"file:{tmp_path}/all"), NOWHERE)
    assert (len(read.train.source), len(read.validation.source)) == (27, 3)
    for part in read:
        assert [one[1:] for one in part.source] == [other[1:] for other in part.target]
    assert set(read.train.source).isdisjoint(read.validation.source)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (b"a\nb\n", b"c\n", r"2 lines and .*\.de has 1: line n of one should be the translation"),
        (b"a\n\nb\n", b"c\nd\ne\n", r"x\.en, line 2 is empty\. Fill it in, or remove this line from both"),
        (b"a\n", b"  \n", r"x\.de, line 1 is empty"),
        (b"a\ncaf\xe9\n", b"b\nc\n", r"x\.en is not UTF-8, as expected: byte 5 \(line 2\) is 0xe9.*latin-1"),
        (b"", b"c\n", r"x\.en is empty"),
        (b"a\n", None, r"x\.de does not exist \(nor with \.gz or \.xz appended\)"),
        ("a\nb\n".encode("utf-16"), b"c\nd\n", r"x\.en holds NUL bytes, the first in line 1, as UTF-16"),
        ("a\nb\n".encode("utf-16-le"), b"c\nd\n", r"x\.en holds NUL bytes"),
        (b"\x1f\x8bnonsense", b"c\n", r"x\.en is damaged"),
        (
            b"a\n\n\nb\n \n\t\n",
            b"c\n" * 6,
            r"x\.en has 4 faulty rows: line 2 is empty; line 3 .*; and 1 more\. Fill it in",
        ),
        ("\u4f60\u597d".encode("utf-16"), b"c\n", r"x\.en is UTF-16"),
        (b"PK\x03\x04", b"c\n", r"x\.en is a zip archive"),
    ],
)
def test_faulty_files_are_refused(tmp_path: Path, source: bytes, target: bytes | None, message: str) -> None:
    """The message names the file and line, and says what to do."""
    (tmp_path / "x.en").write_bytes(source)
    if target is not None:
        (tmp_path / "x.de").write_bytes(target)
    with pytest.raises(DataError, match=message):
        read_parallel(options(data=f"file:{tmp_path}/x"), NOWHERE)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": "multi3k"}, "Did you mean multi30k"),
        ({"source": "fr"}, "multi30k has the languages en, de"),
        ({"target": "en"}, "another language than the source"),
        ({"test": "test_2018"}, "test_2016_flickr, test_2017_flickr, test_2017_mscoco"),
        ({"validation": "file:x"}, "to `task.data=file:PREFIX` only"),
        ({"data": "file:x", "test": "y"}, "should be file:PREFIX"),
    ],
)
def test_faulty_options_are_refused(given: dict[str, Any], message: str) -> None:
    """The message names what is allowed."""
    with pytest.raises((ValidationError, DataError), match=message):
        options(**given)


def test_random_strings() -> None:
    """Random strings have the lengths and symbols asked for, are reproducible, and are copied or reversed."""
    asked = {"strings": 200, "symbols": 3, "longest": 5}
    copied, turned = (read_parallel(options(data=data, **asked), NOWHERE) for data in ("copy", "reverse"))
    assert copied.train.source == copied.train.target == turned.train.source
    assert [text[::-1] for text in turned.test.source] == turned.test.target
    assert [len(part.source) for part in copied] == [200, 10, 10]
    lengths = {len(text.split()) for text in copied.train.source}
    assert lengths == {1, 2, 3, 4, 5} and set("".join(copied.train.source)) == set("abc ")


def test_multi30k_is_the_official_one() -> None:
    """Multi30k has its published numbers of pairs, also in another test part."""
    files = PARALLEL_SETS["multi30k"].files
    assert files is not None
    if not REAL_DATA or not all(find_copies(files, file, SearchPath.of(REAL_DATA)) for file in files.md5):
        pytest.skip("no data folder with this data set is named")
    read = read_parallel(options(), SearchPath.of(REAL_DATA))
    assert tuple(len(part.source) for part in read) == tuple(len(part.target) for part in read) == (29000, 1014, 1000)
    assert read.validation.source[1] == "A man sleeping in a green room on a couch."
    assert len(read_parallel(options(test="test_2017_mscoco"), SearchPath.of(REAL_DATA)).test.source) == 461
