"""Questions about documents with their answers and evidence, before they are numbered."""

from collections.abc import Sequence
from typing import NamedTuple

from glimpse.envs.documents.document_store import DocumentStore

Group = tuple[tuple[str, int], ...]
"""Sentences that together justify an answer, each by the document's file and its number there, from 0."""


class Asked(NamedTuple):
    """Question, or claim.

    question: its text.
    answer: name of its class.
    documents: files of its own documents; none where all documents are its own.
    groups: groups of sentences, each of which is complete evidence; none where nobody marked any.
    """

    question: str
    answer: str
    documents: tuple[str, ...]
    groups: tuple[Group, ...]


class AskedParts(NamedTuple):
    """Questions of the three splits, the names of their answers, and the store of their documents."""

    train: Sequence[Asked]
    validation: Sequence[Asked]
    test: Sequence[Asked]
    classes: tuple[str, ...]
    store: DocumentStore
