"""Reader of a user's own questions about a folder of documents.

A file has a JSON object on each line: {"question": TEXT, "answer": NAME}, and where they are known "documents", a list
of files within the folder, and "evidence", a list of groups of {"file": FILE, "line": NUMBER}, each of which is
complete evidence. A line, in a PDF a page, stands for all sentences that begin on it; "text" chooses those of them that
contain it.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from glimpse.envs.data.file_contents import user_text
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.splits import fold, hold_out
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.asked_questions import Asked, AskedParts, Group
from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.options import EvidenceOptions
from glimpse.envs.documents.store_build import folder_store
from glimpse.envs.errors import DataError
from glimpse.envs.text.characters import has_surrogates
from glimpse.envs.text.row_faults import RowFaults, shorten


class _Fault(ValueError):
    """Fault of a row, to be read after its place."""


def read_own_questions(options: EvidenceOptions, search_path: SearchPath) -> AskedParts:
    """Read the files that `data`, `validation` and `test` name, and the folder that `documents` names.

    Without a file of its own the test split is a tenth of the questions, and validation a tenth of the rest; equal
    questions stay together.

    Raises:
        DataError: A file cannot be read, rows are faulty, or there are too few questions.
    """
    beside = user_path(options.data.removeprefix("file:"), "task.data").parent / "documents"
    if options.documents is None and not beside.is_dir():
        raise DataError(f"there is no folder {beside}: name the documents of {options.data} with task.documents=FOLDER")
    folder = str(beside) if options.documents is None else options.documents
    store = folder_store(folder, options.sentence_vectors, search_path)
    train: Sequence[Asked] = read_questions(options.data, store)
    held = [read_questions(file, store) if file else None for file in (options.validation, options.test)]
    validation, test = held
    different = f"{options.data}, questions that differ"
    if test is None:
        train, test = _divided(train, lambda count: fold(count, 0, different))
    if validation is None:
        train, validation = _divided(train, lambda count: hold_out(count, 10, different))
    classes = tuple(sorted({asked.answer for part in (train, validation, test) for asked in part}))
    return AskedParts(train, validation, test, classes, store)


def _divided(asked: Sequence[Asked], divide: Callable[[int], tuple[Iterable[int], Iterable[int]]]) -> list[list[Asked]]:
    """Divide questions into two parts as `divide` does the numbers of different ones."""
    alike: dict[str, list[Asked]] = {}
    for one in asked:
        alike.setdefault(" ".join(one.question.lower().split()), []).append(one)
    several = list(alike.values())
    return [[one for number in part for one in several[number]] for part in divide(len(several))]


def read_questions(file: str, store: DocumentStore) -> list[Asked]:
    """Read the questions of one file, `file:PATH`.

    Raises:
        DataError: It cannot be read, has no question, or rows are faulty.
    """
    path = user_path(file.removeprefix("file:"), "task.data")
    faults, found = RowFaults(path), []
    for number, line in enumerate(user_text(path, "utf-8").split("\n"), 1):
        if line.strip():
            try:
                found.append(_asked_in(line, store))
            except _Fault as fault:
                faults.add(f"line {number}", str(fault))
    faults.check()
    if not found:
        raise DataError(f'{path} has no questions: each line should be {{"question": TEXT, "answer": NAME, ...}}')
    return found


def _asked_in(line: str, store: DocumentStore) -> Asked:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Fault(f" is no JSON ({error})") from None
    if not isinstance(row, dict) or not {"question", "answer"} <= row.keys():
        raise _Fault(f' should be {{"question": TEXT, "answer": NAME, ...}}, got {shorten(line.strip())}')
    unknown = row.keys() - {"question", "answer", "documents", "evidence"}
    if unknown:
        raise _Fault(f" has {', '.join(map(repr, sorted(unknown)))}; known are question, answer, documents, evidence")
    for name in ("question", "answer"):
        if not isinstance(row[name], str) or not row[name].strip():
            raise _Fault(f" should have a text as its {name}, got {shorten(json.dumps(row[name]))}")
    if not any(map(str.isalnum, row["question"])):
        raise _Fault(f" should have a question of one word or more, got {shorten(json.dumps(row['question']))}")
    for name in ("question", "answer"):
        if has_surrogates(row[name]):
            raise _Fault(f" has half of a surrogate pair in its {name}, got {shorten(json.dumps(row[name]))}")
    documents = tuple(_file(name, store) for name in _list(row, "documents"))
    for place, name in enumerate(documents):
        if name in documents[:place]:
            raise _Fault(f" names the document {shorten(name)} twice")
    groups = tuple(_group_of(group, store) for group in _list(row, "evidence"))
    return Asked(row["question"], row["answer"], documents, groups)


def _list(row: dict[str, Any], name: str) -> list[Any]:
    given = row.get(name, [])
    if not isinstance(given, list):
        raise _Fault(f" should have a list as its {name}, got {shorten(json.dumps(given))}")
    return given


def _file(name: Any, store: DocumentStore) -> str:
    """Return the name of a document; raises _Fault if there is none of that name."""
    if not isinstance(name, str) or name not in store.document_of:
        near = difflib.get_close_matches(str(name), store.facts.files, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _Fault(f" names the document {shorten(str(name))}, which the store of {store.facts.name} has not{hint}")
    return name


def _group_of(group: Any, store: DocumentStore) -> Group:
    """Return the sentences of a group of lines."""
    if not isinstance(group, list) or not group:
        raise _Fault(f' should have groups [{{"file": FILE, "line": NUMBER}}, ...], got {shorten(json.dumps(group))}')
    found: list[tuple[str, int]] = []
    for piece in group:
        found += _sentences_of(piece, store)
    return tuple(dict.fromkeys(found))


def _sentences_of(piece: Any, store: DocumentStore) -> Group:
    """Return the sentences that one piece of evidence stands for."""
    fits = isinstance(piece, dict) and {"file", "line"} <= piece.keys() <= {"file", "line", "text"}
    if not fits or type(piece["line"]) is not int or not isinstance(piece.get("text", ""), str):
        raise _Fault(f' should have evidence {{"file": FILE, "line": NUMBER}}, got {shorten(json.dumps(piece))}')
    document, text = store.document_of[_file(piece["file"], store)], piece.get("text", "")
    sentences = [one for one in store.sentences_at(document, [piece["line"]]) if text in store.sentence(one)]
    if not sentences:
        what = f"no sentence contains {shorten(text)}" if text else "no sentence begins"
        raise _Fault(f" has evidence in {piece['file']}, line {piece['line']}, on which {what}")
    return tuple((piece["file"], sentence - int(store.first[document])) for sentence in sentences)
