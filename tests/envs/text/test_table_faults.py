"""Tables as other programs write them are read; faulty ones are refused in one line, with all of their faults."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from glimpse.envs.errors import DataError
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.rows import Parts
from glimpse.envs.text.user_file import read_user_files

ROWS = [("a good one, or two; three", "pos"), ('"so" bad|ly', "neg")]


def read(path: Path, **given: Any) -> Parts:
    """Read a user's file."""
    return read_user_files(WholeTextOptions.model_validate({"name": "text", "data": f"file:{path}", **given}))


def written(mark: str, header: bool = True) -> str:
    """Return the rows as a table that a mark divides, with every cell in quotation marks."""
    rows = [("text", "label")] * header + ROWS
    return "".join(mark.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("begin", "given"), [("", {}), ("\ufeff", {}), ("", {"text": 0, "label": 1}), ("sep=", {}), ("\r\n", {})]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_are_divided_by_any_usual_mark(
    mark: str, begin: str, given: dict[str, Any], end: str, tmp_path: Path
) -> None:
    """The mark is the one with which the wanted columns are there; a line `sep=;` of Excel's says it too."""
    first = f"sep={mark}\n" if begin == "sep=" else begin
    content = (first + written(mark, header=not given)).replace("\r\n", "\n").replace("\n", end)
    (tmp_path / "a.csv").write_bytes(content.encode())
    parts = read(tmp_path / "a.csv", **given)
    assert list(zip(parts.train.text, (parts.classes[label] for label in parts.train.label), strict=True)) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.tsv", "text,label\na b,x\nc,y\n", ["a b", "c"]),
        ("a.tsv", "text;label\na,b;x\nc;y\n", ["a,b", "c"]),
        ("a.csv", "label;text\nx;a,b\ny;c,d\n", ["a,b", "c,d"]),
        ("a.csv", "text,label;more\na;b,x\nc,y\n", None),
        ("a.tsv", 'text\tlabel\n"a\tx\nb"\ty\n', ['"a', 'b"']),
        ("a.csv", "text,label\n" + "long " * 30_000 + ",x\nb,y\n", [("long " * 30_000).strip(), "b"]),
        ("a.csv", "text;label\n" + "long " * 30_000 + ";x\nb;y\n", [("long " * 30_000).strip(), "b"]),
        (
            "a.jsonl",
            '{"text": "a\\nb", "label": 1, "more": {"label": 2}}\r\n\n{"text": 2, "label": "0"}',
            ["a\nb", "2"],
        ),
    ],
)
def test_the_mark_is_found_by_the_wanted_columns_alone(
    name: str, content: str, texts: list[str] | None, tmp_path: Path
) -> None:
    """Other marks within cells change nothing; without the wanted columns the table is refused."""
    (tmp_path / name).write_text(content)
    if texts is None:
        with pytest.raises(DataError, match=r"has no column 'label'; its columns are: text, label;more\."):
            read(tmp_path / name)
    else:
        assert read(tmp_path / name).train.text == texts


DEEP = '{"text": ' + "[" * 100_000 + "]" * 100_000 + ', "label": 1}'


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "a.jsonl",
            f"{DEEP}\n",
            r"a\.jsonl, line 1 \(row 1\) is no row: its lists and objects are nested too deeply\.",
        ),
        ("a.jsonl", '{"a":' * 100_000 + "\n", "nested too deeply"),
        (
            "a.jsonl",
            "garbage\n\x01\n",
            r"has 2 faulty rows: line 1 \(row 1\) is no JSON .*; line 2 \(row 2\) is no JSON",
        ),
        ("a.jsonl", '{"text": "a", "text": "b", "label": 1}', "has more than one column 'text'"),
        ("a.jsonl", '{"text": "\\ud83d", "label": 1}', r"'text' holds half of a character, \\ud83d"),
        ("a.jsonl", '{"text": "\\u0000\\t<br />\\n\\u0000", "label": 1}', "column 'text' is empty"),
        ("a.jsonl", '{"text": "a", "label": NaN}', "NaN is no number of JSON"),
        ("a.jsonl", '{"text": {"a": 1}, "label": 1}', "'text' should be a text or a number, got a list or an object"),
        ("a.jsonl", "9" * 5000, r"should be an object \{...\}, got '9{40}'\.\.\.\."),
        ("a.jsonl", '[{"text": "a", "label": 1}]', "should be an object"),
        (
            "a.csv",
            "text,label\na,x\n,x\n \t,y\nb,\n,\n,x\n",
            r"a\.csv has 5 faulty rows: line 3 \(row 2\): column 'text' is empty; line 4 \(row 3\): column 'text' is "
            r"empty; line 5 \(row 4\): column 'label' is empty; and 2 more\. Fill it in, or remove the row\.$",
        ),
        (
            "a.csv",
            "text,label\na,x\nb\nc,d,e\n,y\n",
            r"3 faulty rows: line 3 \(row 2\) has 1 columns, expected 2; line 4 \(row 3\) has 3 .*; line 5 ",
        ),
        (
            "a.csv",
            'text,label\na,x\n"b,y\nc,x\nd,y\n',
            r"lines 3 to 5: this is no CSV .* A quotation mark is not closed",
        ),
        ("a.csv", "text,label\na\x00b,x\nc,y\n", r"holds NUL bytes, the first in line 2, as UTF-16"),
        ("a.csv", "text,label\na,x\n".encode("utf-16"), "holds NUL bytes, the first in line 1"),
        ("a.csv", "\u4f60\u597d".encode("utf-16"), "is UTF-16, as its first two bytes say"),
        ("a.csv", b"PK\x03\x04rest", "is a zip archive, as Excel's files are"),
        ("a.csv", "text,label\n\udcff,x".encode("utf-8", "surrogateescape"), "is not UTF-8.* 0xff"),
    ],
)
def test_faults_are_one_line_with_all_of_them(name: str, content: str | bytes, complaint: str, tmp_path: Path) -> None:
    """The line has the file, the first three rows, how many there are, and what to do."""
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=complaint) as error:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(error.value) and len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < len(str(tmp_path)) + 500


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (["1", "x", "y", "2"], r"2 faulty rows: line 3 \(row 2\): a score should be a finite number, got 'x'; line 4"),
        (["1", "9" * 5000], r"line 3 \(row 2\): a score should be a finite number, got '9{40}'\.\.\.\."),
        (["1", "-inf"], "got '-inf'"),
        (["1", "1e39"], "got '1e39'"),
    ],
)
def test_all_faulty_scores_are_reported(labels: list[str], complaint: str, tmp_path: Path) -> None:
    """Numbers that no float32 holds are faulty too."""
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"a,{label}\n" for label in labels))
    with pytest.raises(DataError, match=complaint):
        read(tmp_path / "a.csv", labels="scores")


def test_all_unknown_labels_are_reported(tmp_path: Path) -> None:
    """Those of training are named once."""
    (tmp_path / "a.csv").write_text("text,label\na,x\nb,y\n")
    (tmp_path / "b.csv").write_text("text,label\na,X\nb,y\nc,z\n")
    with pytest.raises(DataError) as error:
        read(tmp_path / "a.csv", test=f"file:{tmp_path / 'b.csv'}")
    assert str(error.value) == (
        f"{tmp_path / 'b.csv'} has 2 faulty rows: line 2 (row 1): the label 'X' is unknown; line 4 (row 3): the label "
        "'z' is unknown. The labels of the training file are: 'x', 'y'."
    )


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["1", "01", "001", "0"], ("0", "001", "01", "1")),
        (["-0", "0", "00"], ("-0", "0", "00")),
        (["10", "9", "a"], ("10", "9", "a")),
        (["9" * 5000, "1"], ("1", "9" * 5000)),
        (["\u0661", "1", "2"], ("1", "\u0661", "2")),
    ],
)
def test_classes_have_one_order(labels: list[str], classes: tuple[str, ...], tmp_path: Path) -> None:
    """Labels of equal value are sorted as texts, and numbers may have any length."""
    for some in (labels, labels[::-1]):
        for name in ("a.csv", "a.jsonl"):
            lines = [json.dumps({"text": "a", "label": label}) for label in some]
            rows = ["text,label", *(f"a,{label}" for label in some)] if name == "a.csv" else lines
            (tmp_path / name).write_text("\n".join(rows))
            assert read(tmp_path / name).classes == classes


def test_long_numbers_of_json_are_kept_as_they_are_written(tmp_path: Path) -> None:
    """Python converts no number of 5,000 digits to a text."""
    (tmp_path / "a.jsonl").write_text(f'{{"text": {"7" * 5000}, "label": {"8" * 5000}}}\n{{"text": 0, "label": 0}}\n')
    parts = read(tmp_path / "a.jsonl")
    assert parts.train.text == ["7" * 5000, "0"] and parts.classes == ("0", "8" * 5000)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_names_and_labels_are_one_in_every_unicode_form(name: str, tmp_path: Path) -> None:
    """A decomposed label is no class of its own, and a decomposed name of a column is found."""
    rows = [("a", "\xe9t\xe9"), ("b", "e\u0301te\u0301"), ("c", "no")]
    lines = [json.dumps({"text": text, "e\u0301": label}) for text, label in rows]
    table = ["text,e\u0301", *(f"{text},{label}" for text, label in rows)]
    (tmp_path / name).write_text("\n".join(table if name == "a.csv" else lines), encoding="utf-8")
    if name == "a.jsonl":
        (tmp_path / name).write_text("\n".join(lines).replace("\\u0301", "\u0301"), encoding="utf-8")
    for column in ("\xe9", "e\u0301"):
        parts = read(tmp_path / name, label=column)
        assert parts.classes == ("no", "\xe9t\xe9") and parts.train.label.tolist() == [1, 1, 0]


def test_a_pipe_is_no_table(tmp_path: Path) -> None:
    """Reading would wait for ever."""
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"a\.csv is no regular file, but a pipe"):
        read(tmp_path / "a.csv")
