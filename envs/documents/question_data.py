"""Questions about documents as tensors, with the store that is searched.

Axes: N questions, Q words, D documents of a question, G groups of evidence, M sentences of a group, V words, E numbers
of a vector.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.kept_classes import number_as_kept
from glimpse.envs.data.registry import QUESTION_SETS
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.asked_questions import Asked, AskedParts
from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.document_words import words_of_question
from glimpse.envs.documents.options import EvidenceOptions
from glimpse.envs.documents.own_questions import read_own_questions
from glimpse.envs.documents.searched_words import SearchedWords, searched_words
from glimpse.envs.documents.sentence_vectors import load_encoder, unit
from glimpse.envs.errors import DataError
from glimpse.envs.text.corpus import numbering
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.vectors import read_vectors

NOTHING = -1
"""Stands for no word, no sentence or no document."""
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, eq=False)
class QuestionData:
    """One split of N questions. The tensors are shared: never change them in place.

    Attributes:
        store: The store of all documents.
        words: Words of the store and of questions.
        texts: The questions as they were written, N; none where there are no examples.
        question: (N, Q) int64, words of `words`, `NOTHING` behind the end.
        vector: (N, E) float32, the vector of each question, of length 1.
        labels: (N,) int64.
        classes: Names of the answers.
        documents: (N, D) int64, own documents of each question, `NOTHING` for none.
        evidence: (N, G, M) int64, sentences of each group, `NOTHING` for none.
        digest: SHA-256 of the questions and of the documents.
    """

    store: DocumentStore
    words: SearchedWords
    texts: tuple[str, ...]
    question: Tensor
    vector: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    documents: Tensor
    evidence: Tensor
    digest: str


def load_questions(
    options: EvidenceOptions, split: Split, *, root: str | None = None, meaning: TextMeaning | None = None
) -> QuestionData:
    """Load one split on the CPU; the store is built if it is not there yet.

    Raises:
        DataError: A file is missing, or not as it should be; or it has an answer that `meaning` does not have.
    """
    if split not in ("train", "validation", "test"):
        raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    return _question_data(_reading(options), split, SearchPath.of(root), meaning)


def _reading(options: EvidenceOptions) -> EvidenceOptions:
    """Reduce options to those that affect reading, which are the cache key."""
    given: dict[str, Any] = {}
    for name in (*EvidenceOptions.of_data, "min_count", "vectors", "unknown_scale", "sentence_vectors", "max_question"):
        value = getattr(options, name)
        # The cache key has to mean the same file after the process changes its working directory.
        if isinstance(value, str) and value.startswith("file:"):
            value = f"file:{user_path(value.removeprefix('file:'), f'task.{name}')}"
        given[name] = str(user_path(value, "task.documents")) if name == "documents" and value else value
    return EvidenceOptions.model_construct(**{**options.model_dump(), **_USUAL, **given, **_UNREAD})


_USUAL = {name: EvidenceOptions.model_fields[name].default for name in ("point", "ranker", "candidates", "opens")}
_UNREAD = {"store": "whole", "reward": "answer"}


@CachedReader
def _parts(options: EvidenceOptions, search_path: SearchPath) -> AskedParts:
    if options.data in QUESTION_SETS:
        known = QUESTION_SETS[options.data]
        parts: AskedParts = resolve_name(known.read)(options.data, known, options.sentence_vectors, search_path)
        return parts
    return read_own_questions(options, search_path)


@CachedReader
def _question_data(
    options: EvidenceOptions, split: Split, search_path: SearchPath, meaning: TextMeaning | None
) -> QuestionData:
    parts = _parts(options, search_path)
    table = read_vectors(options.vectors, search_path)
    number = numbering()
    number |= parts.store.number
    every = {name: [_words_of(asked, number) for asked in getattr(parts, name)] for name in parts._fields[:3]}
    others = list(number)[len(parts.store.words) :]
    asked_words = np.array([word for words in every["train"] for word in words], np.int64)
    counts = np.bincount(asked_words, minlength=len(number))
    words = searched_words(parts.store, others, counts, options, table, search_path, meaning)
    asked: Sequence[Asked] = getattr(parts, split)
    question = padded([each[: options.max_question] for each in every[split]])
    labels = np.array([parts.classes.index(each.answer) for each in asked], np.int64)
    if meaning is not None:
        labels = number_as_kept(labels, parts.classes, meaning.classes, options.data)
    files = parts.store.document_of
    first = parts.store.first.tolist()
    groups = [[[first[files[file]] + sentence for file, sentence in group] for group in each.groups] for each in asked]
    written = json.dumps([parts.store.facts.digest, [tuple(each) for each in asked]])
    return QuestionData(
        parts.store,
        words,
        tuple(each.question for each in asked),
        question,
        _vectors(parts.store, words, question, asked),
        torch.from_numpy(labels),
        parts.classes if meaning is None else meaning.classes,
        padded([[files[file] for file in each.documents] for each in asked]),
        _padded_groups(groups),
        hashlib.sha256(written.encode()).hexdigest(),
    )


def _words_of(asked: Asked, number: dict[str, int]) -> list[int]:
    return [number[word] for word in words_of_question(asked.question)]


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Return rows of numbers as a tensor (N, longest), at least one column, `NOTHING` behind their ends."""
    width = max(1, *map(len, rows)) if rows else 1
    found = torch.full((len(rows), width), NOTHING)
    for place, row in enumerate(rows):
        found[place, : len(row)] = torch.tensor(row, dtype=torch.int64)
    return found


def _padded_groups(groups: Sequence[Sequence[Sequence[int]]]) -> Tensor:
    most = max(1, *(len(each) for each in groups)) if groups else 1
    flat = padded([sentences for each in groups for sentences in (*each, *[[]] * (most - len(each)))])
    return flat.view(len(groups), most, -1)


def _vectors(store: DocumentStore, words: SearchedWords, question: Tensor, asked: Sequence[Asked]) -> Tensor:
    """Return the vectors of questions in the store's space."""
    if not len(words.sentence_words):
        encode = load_encoder(store.facts.vectors)
        return torch.from_numpy(encode([each.question for each in asked]))
    parts = [mean_of_words(words, each, store.mean_vector) for each in question.split(1024)]
    return torch.cat(parts) if parts else torch.zeros(0, store.vectors.shape[1])


def mean_of_words(words: SearchedWords, text: Tensor, mean: Tensor) -> Tensor:
    """Return vectors of texts in a store's space, as those of its sentences are made.

    Args:
        words: the words, with their vectors.
        text: (..., L) int64, `NOTHING` for no word.
        mean: (E,), the store's mean vector.

    Returns:
        (..., E) float32, of length 1.
    """
    known = text.clamp(min=0)
    weight = words.bm25.idf[known] * ((text != NOTHING) & ~words.is_mark[known])
    summed = (words.sentence_words[known] * weight.unsqueeze(-1)).sum(-2)
    return unit(summed / weight.sum(-1, keepdim=True).clamp(min=1e-9) - mean)
