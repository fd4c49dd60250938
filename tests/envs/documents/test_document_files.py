"""Tests of reading a user's own folder of documents."""

import logging
from pathlib import Path

import pytest

from glimpse.envs.documents.document_files import Document, files_in, read_document, read_documents
from glimpse.envs.errors import DataError


def pdf(*pages: str) -> bytes:
    """Return a PDF whose pages show these ASCII texts; an empty one has no text, as a scanned page."""
    font = 3 + 2 * len(pages)
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {4 + 2 * number} 0 R "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    written, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    written += f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R >>\n"
    return f"{written}startxref\n{written.index('xref')}\n%%EOF\n".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a document of each kind, and files that are none or cannot be read."""
    (tmp_path / "deep" / ".hidden").mkdir(parents=True)
    (tmp_path / "deep" / "cats_and_dogs.txt").write_text("A cat sleeps. A dog\nruns.\n")
    (tmp_path / "deep" / ".hidden" / "no.txt").write_text("no")
    (tmp_path / "fish.MD").write_text("# Fish\n\nIt swims.\n")
    (tmp_path / "page.html").write_text("<title>Birds</title><p>It flies.")
    (tmp_path / "two.pdf").write_bytes(pdf("First page.", "It ends here."))
    (tmp_path / "scan.pdf").write_bytes(pdf("", ""))
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_each_kind_is_read_and_bad_files_are_named(folder: Path) -> None:
    """Files are in the order of their paths; hidden files and other kinds are left out; bad ones say why."""
    pytest.importorskip("pypdf")
    found = list(read_documents(folder, files_in(folder)))
    read = {
        one.file: (one.title, [tuple(line) for line in one.sentences]) for one in found if isinstance(one, Document)
    }
    assert read == {
        "deep/cats_and_dogs.txt": ("cats and dogs", [(1, "A cat sleeps."), (1, "A dog runs.")]),
        "fish.MD": ("Fish", [(1, "Fish"), (3, "It swims.")]),
        "page.html": ("Birds", [(1, "It flies.")]),
        "two.pdf": ("two", [(1, "First page."), (2, "It ends here.")]),
    }
    skipped = {one.file: one.why for one in found if not isinstance(one, Document)}
    assert skipped.keys() == {"latin.txt", "scan.pdf", "torn.pdf"}
    assert "is not UTF-8" in skipped["latin.txt"] and "scanned pictures" in skipped["scan.pdf"]
    assert f"{folder}/torn.pdf is damaged or no PDF" in skipped["torn.pdf"]


def test_lines_end_as_on_all_systems(tmp_path: Path) -> None:
    """A carriage return ends a line, alone or before a line feed."""
    path = tmp_path / "old.txt"
    path.write_bytes(b"One.\r\rTwo.\r\nThree.\nFour.")
    sentences = read_document(path, "old.txt").sentences
    assert [tuple(line) for line in sentences] == [(1, "One."), (3, "Two."), (4, "Three."), (5, "Four.")]


def test_what_the_reader_of_pdfs_logs_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is no PDF is an error alone."""
    pytest.importorskip("pypdf")
    (tmp_path / "no.pdf").write_bytes(b"not a PDF")
    with pytest.raises(DataError, match="is damaged or no PDF"):
        read_document(tmp_path / "no.pdf", "no.pdf")
    assert not caplog.records and logging.getLogger("pypdf").level == logging.NOTSET


def test_words_divided_at_the_ends_of_lines_of_a_pdf_are_whole(tmp_path: Path) -> None:
    """A hyphen stays where a capital letter follows, or none; lines of a text file are left as they are."""
    pytest.importorskip("pypdf")
    lines = ("Ex-", "amples of Anglo-", "Saxon, from 2019-", "20 on.")
    path = tmp_path / "divided.pdf"
    path.write_bytes(pdf(") Tj 0 -14 Td (".join(lines)))
    assert [line.text for line in read_document(path, path.name).sentences] == [
        "Examples of Anglo- Saxon, from 2019- 20 on."
    ]
    (tmp_path / "divided.txt").write_text("\n".join(lines))
    (read,) = read_document(tmp_path / "divided.txt", "divided.txt").sentences
    assert read.text.startswith("Ex- amples")


def test_a_folder_without_documents_is_an_error(tmp_path: Path) -> None:
    """So is a folder that is not there, and a file without text; each message names what was found."""
    with pytest.raises(DataError, match="there are no documents in"):
        files_in(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        files_in(tmp_path / "none")
    (tmp_path / "blank.txt").write_text(" \n")
    with pytest.raises(DataError, match=r"blank.txt has no text$"):
        read_document(tmp_path / "blank.txt", "blank.txt")
