"""Inputs of a user's own for a run: pictures and folders of them, texts, tables of either, and lines of standard input.

A table is a .csv, .tsv or .jsonl file (or .gz, .xz of it). All of its columns are kept.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from PIL import Image

from glimpse.envs.text.table_files import FORMATS, divided_lines, table_content
from glimpse.errors import UserError

_FILES = (".txt", ".md", ".html", ".pdf", ".docx", ".xlsx", ".json", ".png", ".jpg", ".jpeg", ".gif", ".gz", ".zip")
"""Endings of files that are no tables; a text of one word that ends so is taken for a mistake."""


@dataclass(frozen=True)
class GivenInput:
    """One input.

    where: names it in messages: the file, the line of a table, or the text itself.
    value: what the agent is given: a path or a text, or a tuple of two texts.
    row: the cells of its table's row by column; {"input": ...} where it is from no table.
    fault: what is wrong with it; empty if nothing is.
    """

    where: str
    value: Any
    row: dict[str, Any]
    fault: str = ""


def is_table(given: str) -> bool:
    """Return whether a word of the command line names a table."""
    return given.lower().removesuffix(".gz").removesuffix(".xz").endswith(FORMATS)


def pictures_given(words: Sequence[str], column: str, lines: TextIO) -> Iterator[GivenInput]:
    """Yield the pictures that words of the command line name.

    Args:
        words: files, folders (all pictures in them and in their folders), tables, or `-` for paths on `lines`.
        column: column of the paths in a table, which count from the table's folder.
        lines: standard input.

    Raises:
        UserError: if a folder has no pictures, or a table lacks the column.
    """
    for word in words:
        if word == "-":
            yield from map(_missing_file, _lines(lines))
        elif is_table(word):
            yield from _from_table(word, (column,), partial(_beside, Path(word).expanduser().parent))
        elif Path(word).expanduser().is_dir():
            yield from (_plain_input(str(file), str(file)) for file in _pictures_in(Path(word).expanduser()))
        else:
            yield _missing_file(_plain_input(word, word))


def texts_given(words: Sequence[str], columns: Sequence[str], lines: TextIO) -> Iterator[GivenInput]:
    """Yield the texts, or pairs of texts, that words of the command line are or name.

    Args:
        words: texts, tables, or `-` for a text on each of `lines`.
        columns: column of the texts in a table, and of the second text where pairs are read.
        lines: standard input.

    Raises:
        UserError: if a table lacks a column, or pairs are not in a table.
    """
    for number, word in enumerate(words, 1):
        if is_table(word):
            yield from _from_table(word, columns, _one_or_pair)
        elif len(columns) > 1:
            raise UserError(f"the run reads pairs of texts: give a table with the columns {' and '.join(columns)}")
        elif word == "-":
            yield from _lines(lines)
        elif not word.strip():
            yield _plain_input(f"input {number}", word, "holds no text")
        else:
            yield _plain_input(word, word, _fault_of_a_path(word))


def _beside(folder: Path, cells: list[str]) -> str:
    """Return the path that a cell names, from the folder of its table."""
    return str(folder / cells[0])


def _one_or_pair(cells: list[str]) -> Any:
    return cells[0] if len(cells) == 1 else tuple(cells)


def _plain_input(where: str, value: Any, fault: str = "") -> GivenInput:
    return GivenInput(where, value, {"input": where}, fault)


def _missing_file(given: GivenInput) -> GivenInput:
    """Return an input with its fault, if it names no file."""
    there = given.fault or Path(given.value).expanduser().exists()
    return given if there else replace(given, fault="does not exist")


def _fault_of_a_path(word: str) -> str:
    """Return what is wrong with a text that is a path: it is not the text that is meant."""
    read = "give a .csv, .tsv or .jsonl table, or its lines by `- < FILE`"
    try:
        if Path(word).expanduser().exists():
            return f"is a file or a folder, and the run takes texts: {read}"
    except (OSError, ValueError, RuntimeError):  # A text may be too long for a path, or begin with `~nobody`.
        return ""
    looks = word.startswith(("./", "../", "/", "~/")) or word.lower().endswith(_FILES)
    return f"looks like a file, which does not exist: {read}" if looks and len(word.split()) == 1 else ""


def _lines(lines: TextIO) -> Iterator[GivenInput]:
    """Yield each line as it comes; one that holds no text is named, so that answers can be told apart."""
    for number, line in enumerate(lines, 1):
        text = line.removeprefix("\ufeff" if number == 1 else "").strip()
        where = f"line {number} of standard input"
        if not text:
            yield _plain_input(where, text, "holds no text")
        elif any("\ud800" <= letter <= "\udfff" for letter in text):
            yield _plain_input(where, text, "is not UTF-8")
        else:
            yield _plain_input(text, text)


def _pictures_in(folder: Path) -> list[Path]:
    """Return all pictures of a folder, by their names' endings, sorted; hidden ones are left out."""
    endings = Image.registered_extensions()
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in endings
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and not file.is_dir()
    )
    if not found:
        raise UserError(f"{folder} holds no pictures: give a folder of .png, .jpg or other picture files")
    return found


def _from_table(word: str, columns: Sequence[str], value: Callable[[list[str]], Any]) -> Iterator[GivenInput]:
    """Yield the rows of a table."""
    path = Path(word).expanduser()
    wanted = [unicodedata.normalize("NFC", column) for column in columns]
    for where, row, fault in _rows(path, wanted):
        cells = [_text_of(row.get(column)) for column in wanted]
        if not fault and not all(cell.strip() for cell in cells):
            fault = f"column {' or '.join(map(repr, wanted))} holds no text"
        yield GivenInput(f"{path}, {where}", None if fault else value(cells), row, fault)


def _text_of(cell: Any) -> str:
    """Return a cell as a text; empty if it is none, and no number."""
    return str(cell) if isinstance(cell, str | int | float) and not isinstance(cell, bool) else ""


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the place of each row, its cells by column, and what is wrong with it."""
    kind, content = table_content(path, "utf-8")
    if kind == ".jsonl":
        yield from _json_rows(content)
        return
    lines = divided_lines(path, kind, content, columns)
    header = [unicodedata.normalize("NFC", name.strip()) for name in next(lines, (1, []))[1]]
    _check_header(path, header, columns)
    for number, cells in lines:
        if cells not in ([], [""]):
            fault = "" if len(cells) == len(header) else f"has {len(cells)} columns, expected {len(header)}"
            yield f"line {number}", dict(zip(header, cells, strict=False)), fault


def _json_rows(content: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_members)
        except (ValueError, RecursionError) as error:
            yield f"line {number}", {}, f"is no JSON ({str(error)[:80]})"
            continue
        whole = isinstance(row, dict)
        yield f"line {number}", row if whole else {}, "" if whole else "should be an object {...}"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object; raise ValueError if a name comes twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name comes twice in it")
    return members


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    for column in columns:
        if header.count(column) != 1:
            what = "has no column" if column not in header else "has more than one column"
            named = ", ".join(name[:40] for name in header[:30]) or "none"
            raise UserError(f"{path} {what} {column!r}; its columns are: {named}. Name one with --column")
    if len(set(header)) < len(header):
        raise UserError(f"{path} has several columns of one name: {', '.join(header)}. Rename them")
