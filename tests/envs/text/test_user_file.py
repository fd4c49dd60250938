"""A user's own files: every format, and every mistake with its file, line and row."""

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glimpse.envs.errors import DataError
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.user_file import read_user_files

ROWS = [("a good one", "pos"), ('"so" bad', "neg"), ("caf\xe9 \u2028 line", "pos")]


def options(path: Path, **given: Any) -> WholeTextOptions:
    """Make options that name this file."""
    return WholeTextOptions.model_validate({"name": "text", "data": f"file:{path}", **given})


def tsv(header: bool = True) -> str:
    """Return the rows as TSV, with the label first and a column that is not read."""
    lines = [["label", "text", "more"]] * header + [[label, text, "x"] for text, label in ROWS]
    return "".join("\t".join(line) + "\n" for line in lines)


CSV = 'text,label\na good one,pos\n"""so"" bad",neg\n\n"caf\xe9 \u2028 line",pos\n'
JSONL = "".join(json.dumps({"label": label, "text": text}) + "\n\n" for text, label in ROWS)


@pytest.mark.parametrize(
    ("name", "content", "given"),
    [
        ("a.tsv", tsv(), {}),
        ("a.tsv", tsv().replace("\n", "\r\n"), {}),
        ("a.tsv", tsv().removesuffix("\n"), {}),
        ("a.TSV", "\ufeff" + tsv(), {}),
        ("a.tsv", tsv(header=False), {"text": 1, "label": 0}),
        ("a.csv", CSV, {}),
        ("a.csv", CSV.replace("\n", "\r\n"), {}),
        ("a.csv", CSV.split("\n", 1)[1], {"text": 0, "label": 1}),
        ("a.jsonl", JSONL, {}),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz", ".xz"])
def test_every_format(name: str, content: str, given: dict[str, Any], ending: str, tmp_path: Path) -> None:
    """The rows are those that were written in every format; only a new line ends a line."""
    path = tmp_path / f"{name}{ending}"
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}
    path.write_bytes(pack[ending](content.encode()))
    parts = read_user_files(options(path, **given))
    assert parts.classes == ("neg", "pos")
    assert parts.train.text == [text for text, _ in ROWS]
    assert parts.train.label.tolist() == [1, 0, 1] and parts.train.second is None
    assert parts.validation is None and parts.test is None


def test_pairs_scores_parts_and_long_cells(tmp_path: Path) -> None:
    """Numbers in JSON are labels too; a cell may be longer than the default limit of Python's csv module."""
    (tmp_path / "a.jsonl").write_text('{"a": "one", "b": 2, "y": 3.5}\n{"a": "x", "b": "z", "y": "-1e1"}\n')
    given = {"text": "a", "text2": "b", "label": "y", "labels": "scores"}
    parts = read_user_files(options(tmp_path / "a.jsonl", **given))
    assert parts.classes == () and parts.train.second == ["2", "z"]
    assert parts.train.label.dtype == np.float32 and parts.train.label.tolist() == [3.5, -10]
    (tmp_path / "a.csv").write_text(f"text,label\n{'long ' * 50_000},10\nb,9\n")
    (tmp_path / "b.csv").write_text("label,text\n10,c\n")
    parts = read_user_files(options(tmp_path / "a.csv", test=f"file:{tmp_path / 'b.csv'}"))
    assert parts.classes == ("9", "10") and parts.train.label.tolist() == [1, 0]
    assert parts.test is not None and parts.test.text == ["c"] and parts.test.label.tolist() == [1]


def test_latin_1_is_read_where_it_is_named(tmp_path: Path) -> None:
    """The encoding cannot be detected, so the options name it."""
    path = tmp_path / "a.tsv"
    path.write_bytes("text\tlabel\ncaf\xe9\ta\nx\tb\n".encode("latin-1"))
    assert read_user_files(options(path, encoding="latin-1")).train.text == ["caf\xe9", "x"]
    with pytest.raises(DataError, match=r"a\.tsv is not UTF-8, as expected: byte 14 \(line 2\) is 0xe9.*latin-1"):
        read_user_files(options(path))


@pytest.mark.parametrize(
    ("name", "content", "given", "complaint"),
    [
        ("a.txt", "text\n", {}, r"a\.txt: the name should end with \.tsv, \.csv, \.jsonl"),
        ("a.tsv", "", {}, r"a\.tsv is empty"),
        ("a.tsv", "text\tlabel\n", {}, r"a\.tsv has no rows"),
        ("a.jsonl", "\n", {}, r"a\.jsonl has no rows"),
        ("a.tsv", "sentence\tlabel\n", {}, r"a\.tsv has no column 'text'; its columns are: sentence, label"),
        ("a.csv", "text,text,label\n", {}, "more than one column 'text'"),
        ("a.tsv", "a\tb\n", {"text": 0, "label": 2}, "has no column 2; its columns are: 0, 1"),
        ("a.tsv", "text\tlabel\n\nx\ta\ny\n", {}, r"line 4 \(row 2\) has 1 columns, expected 2"),
        ("a.tsv", "text\tlabel\nx\ta\n \tb\n", {}, r"line 3 \(row 2\): column 'text' is empty"),
        ("a.tsv", "text\tlabel\n<br />\tb\n", {}, r"line 2 \(row 1\): column 'text' is empty"),
        ("a.tsv", "x\t\n", {"text": 0, "label": 1}, r"line 1 \(row 1\): column 1 is empty"),
        ("a.csv", 'text,label\n"a\nb",c\n,c\n', {}, r"line 4 \(row 2\): column 'text' is empty"),
        ("a.csv", 'text,label\n"a"b,c\n', {}, "line 2: this is no CSV"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text"\n', {}, r"line 2 \(row 2\) is no JSON"),
        ("a.jsonl", "[1]\n", {}, r"line 1 \(row 1\) should be an object"),
        ("a.jsonl", '{"text": "a"}\n', {}, r"line 1 \(row 1\) has no column 'label'; its columns are: text"),
        ("a.jsonl", '{"text": null, "label": 1}\n', {}, "column 'text' is empty"),
        ("a.jsonl", '{"text": ["a"], "label": 1}\n', {}, "'text' should be a text or a number"),
        ("a.jsonl", '{"0": "a"}\n', {"text": 0, "label": 1}, "has no column 0; its columns are: 0"),
        ("a.tsv", "text\tlabel\nx\thigh\n", {"labels": "scores"}, "a score should be a finite number, got 'high'"),
        ("a.tsv", "text\tlabel\nx\tnan\n", {"labels": "scores"}, "a score should be a finite number, got 'nan'"),
        ("a.tsv", "one\ttwo\n", {}, "or number them from 0 if the first line is no header"),
        ("a.tsv", "text\tlabel\nx\ta\ny\ta\n", {}, "has one label alone, 'a': there is nothing to tell apart"),
        ("a.tsv", "text\tlabel\nx\t3\ny\t3\n", {"labels": "scores"}, "has one label alone, '3'"),
        ("a.tsv", "text\tlabel\nx\t-1\ny\t1e3\n", {"labels": "scores"}, "scores from -1 to 1000: .* within 1000"),
    ],
)
def test_every_mistake_has_its_place(
    name: str, content: str, given: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    """The error has the file, the line, the row (not counting the header), and what was expected."""
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=complaint) as error:
        read_user_files(options(tmp_path / name, **given))
    assert str(tmp_path / name) in str(error.value)


def test_an_unknown_label_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    """A label of the validation file has to occur in training."""
    (tmp_path / "a.tsv").write_text("text\tlabel\nx\tpos\ny\tneg\n")
    (tmp_path / "b.tsv").write_text("text\tlabel\nx\tpos\ny\tPOS\n")
    with pytest.raises(DataError, match=r"b\.tsv, line 3 \(row 2\): the label 'POS' is unknown.*'neg', 'pos'"):
        read_user_files(options(tmp_path / "a.tsv", validation=f"file:{tmp_path / 'b.tsv'}"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "cannot be read .No such file"), (gzip.compress(b"text", mtime=0)[:-4], "no whole gzip")],
)
def test_files_that_cannot_be_read(content: bytes | None, complaint: str, tmp_path: Path) -> None:
    """A missing or damaged file is named."""
    if content is not None:
        (tmp_path / "a.tsv.gz").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.tsv\.gz.*{complaint}"):
        read_user_files(options(tmp_path / "a.tsv.gz"))
