"""Documents of a folder of the user's own: plain text, Markdown, HTML, and the text layer of PDF."""

import io
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from glimpse.envs.data.file_contents import decoded, user_content
from glimpse.envs.data.file_digests import note_folder
from glimpse.envs.documents.markup_text import html_lines, markdown_lines
from glimpse.envs.documents.sentence_division import SourceLine, divide_into_sentences
from glimpse.envs.errors import DataError
from glimpse.envs.text.characters import has_surrogates

_TEXT, _MARKDOWN, _HTML, _PDF = (".txt", ".text"), (".md", ".markdown"), (".html", ".htm", ".xhtml"), (".pdf",)
ENDINGS = (*_TEXT, *_MARKDOWN, *_HTML, *_PDF)
"""Endings of the names of files that are read."""


_DIVISION = "2"
"""Number of how files become sentences: another one where what is read of the same bytes changes."""
_DIVIDED_WORD = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010] *\n *(?=[a-z\u00df-\u00ff\u0430-\u044f])")
"""What stands within a word that is divided at the end of a line of a PDF, and goes on with a small letter."""


class Document(NamedTuple):
    """Document that is divided into sentences.

    file: its path within the folder, with / between folders; of a data set its name.
    title: first heading or <title>, otherwise the file's name.
    sentences: each with the number of its line, or of its page in a PDF.
    """

    file: str
    title: str
    sentences: list[SourceLine]


class SkippedFile(NamedTuple):
    """File that cannot be read, by its path within the folder, and why."""

    file: str
    why: str


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder and its subfolders that may hold text, by name; hidden ones are left out.

    Links to folders are not followed.

    Raises:
        DataError: There is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: name a folder of documents ({', '.join(ENDINGS)})")
    note_folder(folder)
    found = [path for path in _shown_files(folder) if path.suffix.lower() in ENDINGS]
    if not found:
        raise DataError(f"there are no documents in {folder}: their names end in {', '.join(ENDINGS)}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def other_endings(folder: Path) -> Counter[str]:
    """Count the files of a folder and its subfolders that are not read, by the ending of their names ("" for none)."""
    return Counter(path.suffix.lower() for path in _shown_files(folder) if path.suffix.lower() not in ENDINGS)


def _shown_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders that are not hidden."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(parent, name) for name in names if not name.startswith(".")]
        yield from (path for path in paths if path.is_file())


def reading_of(files: list[Path]) -> list[str]:
    """Return what decides, besides their bytes, what is read of files: how they are divided, and the reader of PDFs."""
    if not any(path.suffix.lower() in _PDF for path in files):
        return [_DIVISION]
    return [_DIVISION, f"pypdf {version('pypdf')}" if find_spec("pypdf") else "no pypdf"]


def read_documents(folder: Path, files: list[Path]) -> Iterator[Document | SkippedFile]:
    """Yield each document, or why its file cannot be read."""
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            if has_surrogates(name):
                name = os.fsencode(name).decode("utf-8", "backslashreplace")
                raise DataError(f"{name}: its name is not UTF-8; rename it")
            yield read_document(path, name)
        except DataError as fault:
            yield SkippedFile(name, str(fault))


def read_document(path: Path, name: str) -> Document:
    """Read one file by the ending of its name.

    Raises:
        DataError: It is damaged, no UTF-8, or has no text, such as a PDF of scanned pages.
    """
    content, ending, title = user_content(path, name), path.suffix.lower(), ""
    if ending in _PDF:
        lines = _pdf_lines(path, content)
    else:
        text = re.sub("\r\n?", "\n", decoded(path, content, "utf-8"))
        if ending in _MARKDOWN:
            title, lines = markdown_lines(text)
        elif ending in _HTML:
            title, lines = html_lines(text)
        else:
            lines = [SourceLine(number, line) for number, line in enumerate(text.split("\n"), 1)]
    sentences = divide_into_sentences(lines, abbreviations=True)
    if not sentences:
        scanned = ": its pages may be scanned pictures, which have no text layer" if ending in _PDF else ""
        raise DataError(f"{path} has no text{scanned}")
    return Document(name, title or path.stem.replace("_", " "), sentences)


def _pdf_lines(path: Path, content: bytes) -> list[SourceLine]:
    """Return the lines of a PDF's text layer, numbered by page."""
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError as error:
        raise DataError(
            f"{path} is read with pypdf, which is not installed: pip install 'glimpse-rl[documents]'"
        ) from (error)
    try:
        with _silent("pypdf"):
            reader: Any = PdfReader(io.BytesIO(content))
            if reader.is_encrypted and not reader.decrypt(""):
                raise DataError(f"{path} is locked by a password: save it without one")
            pages = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as fault:
        if isinstance(fault, DataError):
            raise
        raise DataError(f"{path} is damaged or no PDF ({type(fault).__name__}: {fault})") from fault
    whole = (_DIVIDED_WORD.sub("", page) for page in pages)
    return [SourceLine(number, line) for number, page in enumerate(whole, 1) for line in page.split("\n")]


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a library's loggers silent: what matters of a file is in its error."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
