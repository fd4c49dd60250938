"""Reader of ERASER's FEVER and MultiRC (DeYoung et al., 2020), whose files are JSON objects, one on each line."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from glimpse.envs.data.data_set import QuestionSet
from glimpse.envs.data.sources import SearchPath, read_files
from glimpse.envs.documents.asked_questions import Asked, AskedParts, Group
from glimpse.envs.documents.document_files import Document
from glimpse.envs.documents.sentence_division import SourceLine
from glimpse.envs.documents.store_build import made_store

_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}", "-COLON-": ":"}
_HELD_OUT = 10
"""One page in so many is of the validation split, where there is no training part."""


def read_eraser_questions(name: str, known: QuestionSet, vectors: str, search_path: SearchPath) -> AskedParts:
    """Read a data set of ERASER's form: `docs.jsonl`, `val.jsonl`, `test.jsonl`, and a training part if there is one.

    Without a training part the validation part is divided by page, so that no page is in both splits.

    Args:
        name: The data set.
        known: Its entry in the registry.
        vectors: Kind of the vectors of the store's sentences.
        search_path: Where its files are looked for.

    Raises:
        DataError: A file is missing or damaged.
    """
    assert known.files is not None
    names = list(known.files.md5)
    found = read_files(known.files, names, search_path)
    contents = {file: content for file, (_, content) in zip(names, found, strict=True)}
    docs, *parts = (list(_objects(contents.pop("docs.jsonl"))), *(map(_asked, contents.values())))
    digest = hashlib.sha256(json.dumps([name, known.files.md5["docs.jsonl"]]).encode()).hexdigest()
    store = made_store(name, digest, map(_document, docs), len(docs), vectors, search_path)
    if len(parts) == 2:
        parts.insert(1, [asked for asked in parts[0] if _is_held_out(asked)])
        parts[0] = [asked for asked in parts[0] if not _is_held_out(asked)]
    train, validation, test = parts
    return AskedParts(train, validation, test, known.classes, store)


def _objects(content: bytes) -> Iterator[Mapping[str, Any]]:
    yield from map(json.loads, content.decode().removesuffix("\n").split("\n"))


def _document(given: Mapping[str, Any]) -> Document:
    sentences = [SourceLine(number, _plain(text)) for number, text in enumerate(given["document"].split("\n"), 1)]
    return Document(given["docid"], _plain(given["docid"].removesuffix(".txt").replace("_", " ")), sentences)


def _plain(text: str) -> str:
    """Return a text with the brackets that the Penn Treebank's names stand for."""
    for name, bracket in _BRACKETS.items():
        text = text.replace(name, bracket)
    return text


def _asked(content: bytes) -> list[Asked]:
    return [
        Asked(
            each["query"].replace("||", " : "),
            each["classification"],
            tuple(dict.fromkeys(piece["docid"] for group in each["evidences"] for piece in group)),
            tuple(_group(group) for group in each["evidences"]),
        )
        for each in _objects(content)
    ]


def _group(pieces: list[dict[str, Any]]) -> Group:
    """Return the sentences of a group; a span of several is each of them."""
    spans = ((piece["docid"], range(piece["start_sentence"], piece["end_sentence"])) for piece in pieces)
    return tuple(dict.fromkeys((file, number) for file, numbers in spans for number in numbers))


def _is_held_out(asked: Asked) -> bool:
    """Return whether a question is of the validation split, by its first page."""
    return hashlib.sha256(asked.documents[0].encode()).digest()[0] % _HELD_OUT == 0
