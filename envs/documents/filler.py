"""Sentences among which generated facts are hidden: real ones of a data set or a folder, or generated ones."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from glimpse.envs.data.registry import QUESTION_SETS, TEXT_SETS
from glimpse.envs.data.sources import SearchPath, read_files
from glimpse.envs.data.splits import SPLIT_SEED
from glimpse.envs.documents.document_files import Document
from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.fact_words import CONTAINERS, OBJECTS, PEOPLE, PLACES, RULES
from glimpse.envs.documents.options import GENERATED
from glimpse.envs.documents.sentence_division import SourceLine, divide_into_sentences
from glimpse.envs.documents.store_build import folder_store, made_store
from glimpse.envs.errors import DataError
from glimpse.envs.text.text_formats import read_text_set

LEAST = 100_000
"""Words of a store from which shorter texts are cut, each at a place of its own."""
MOST = 1_000_000
"""Words of a store from which distractors are drawn, if there are as many."""
_SUBJECTS = "the river|a cloud|the old road|this valley|the wind|a distant hill|the morning|the summer|rain|the sea"
_VERBS = "crosses|follows|reaches|hides|meets|leaves|colours|divides|passes|surrounds"
_ENDS = "the plain|a narrow bridge|the northern shore|a field of barley|the quiet woods|many villages|the coast|snow"
_WHEN = "in autumn|before dawn|every year|after the storm|without a sound|for a while|at noon|again and again"
_PIECES = tuple(tuple(part.split("|")) for part in (_SUBJECTS, _VERBS, _ENDS, _WHEN))
_PEOPLE, _THINGS = frozenset(PEOPLE), frozenset((*PLACES, *OBJECTS, *CONTAINERS))


def filler_store(
    name: str,
    split: Literal["train", "validation", "test"],
    words: int,
    vectors: str,
    search_path: SearchPath,
    least: int = LEAST,
) -> DocumentStore:
    """Return a store of at least `words` words of sentences, and of `least` where there are as many.

    Test sentences are others than those of training and validation where the source has a test part or is generated.

    Args:
        name: `generated`, a text data set, a data set of questions (its documents), or folder:PATH.
        split: The split.
        words: How many words are needed.
        vectors: Kind of the sentences' vectors.
        search_path: Where files are looked for.
        least: Words that the store has if the source has as many.

    Raises:
        DataError: Files are missing or damaged, or have fewer words.
    """
    room = max(words, least)
    part = "test" if split == "test" else "train"
    digest = hashlib.sha256(json.dumps([name, part, room, RULES, _identity(name, search_path)]).encode()).hexdigest()
    documents = _cut(_without_facts(_documents(name, part, search_path)), room)
    store = made_store(f"{name}, {part}, {room:,} words", digest, documents, 0, vectors, search_path)
    if store.word_count < words:
        raise DataError(
            f"task.filler={name} has {store.word_count:,} words in its {part} part, and task.words is {words:,}: take "
            "another filler, or lower task.words, which is 500 or more"
        )
    return store


def _identity(name: str, search_path: SearchPath) -> object:
    """Return what changes when the source does."""
    if name == GENERATED:
        return _PIECES
    if name.startswith("folder:"):
        return folder_store(name.removeprefix("folder:"), "hashing", search_path).facts.digest
    known = TEXT_SETS[name] if name in TEXT_SETS else QUESTION_SETS[name]
    return dict(known.files.md5) if known.files else known.read


def _documents(name: str, part: str, search_path: SearchPath) -> Iterator[Document]:
    """Yield the documents of a source, each with its sentences."""
    if name == GENERATED:
        yield from _generated(part)
    elif name.startswith("folder:"):
        store = folder_store(name.removeprefix("folder:"), "hashing", search_path)
        for number, file in enumerate(store.facts.files):
            sentences = range(int(store.first[number]), int(store.first[number + 1]))
            lines = [SourceLine(int(store.line[one]), store.sentence(one)) for one in sentences]
            yield Document(file, store.facts.titles[number], lines)
    elif name in TEXT_SETS:
        parts = read_text_set(name, search_path)
        rows = parts.test if part == "test" and parts.test is not None else parts.train
        for number, text in enumerate(rows.text):
            parts_of_text = text.replace("<br />", "\n").split("\n")
            lines = divide_into_sentences(SourceLine(number + 1, line) for line in parts_of_text)
            yield Document(f"{name} {number + 1}", "", lines)
    else:
        known = QUESTION_SETS[name]
        assert known.files is not None
        ((_, content),) = read_files(known.files, ["docs.jsonl"], search_path)
        for line in content.decode().removesuffix("\n").split("\n"):
            given = json.loads(line)
            lines = [SourceLine(place, text) for place, text in enumerate(given["document"].split("\n"), 1)]
            yield Document(given["docid"], "", lines)


def _generated(part: str) -> Iterator[Document]:
    """Yield documents of twenty generated sentences without end; those of the test part are drawn otherwise."""
    random = np.random.RandomState(SPLIT_SEED + (part == "test"))
    number = 0
    while True:
        number += 1
        drawn = [random.randint(len(pieces), size=20).tolist() for pieces in _PIECES]
        texts = [
            " ".join(pieces[one] for pieces, one in zip(_PIECES, row, strict=True)) for row in zip(*drawn, strict=True)
        ]
        yield Document(f"page {number}", "", [SourceLine(line, f"{text} .") for line, text in enumerate(texts, 1)])


def _without_facts(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield documents without the sentences that name both a person and a place or thing of the facts."""
    for document in documents:
        kept = [line for line in document.sentences if not _may_be_a_fact(line.text)]
        if kept:
            yield document._replace(sentences=kept)


def _may_be_a_fact(text: str) -> bool:
    words = {word.strip(".,;:!?'\"()") for word in text.lower().split()}
    return not (words.isdisjoint(_PEOPLE) or words.isdisjoint(_THINGS))


def _cut(documents: Iterable[Document], words: int) -> Iterator[Document]:
    """Yield documents until they have so many words, as spaces divide them, the last one cut after a sentence."""
    left = words
    for document in documents:
        kept: list[SourceLine] = []
        for line in document.sentences:
            if left > 0:
                kept.append(line)
                left -= len(line.text.split())
        yield document._replace(sentences=kept)
        if left <= 0:
            return
