"""Store of sentences, memory-mapped from a folder: text, words, BM25 index and vectors.

Axes: S sentences, M words in all, D documents, V distinct words, E numbers of a vector.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.documents.bm25_index import Bm25Index
from glimpse.envs.errors import DataError
from glimpse.envs.text.ragged import Ragged

FORMAT = 2
"""Number of the layout of a store's folder, and of what its words are; a store of another one is built anew."""
FACTS_FILE = "store.json"
"""File that is written last, so that a folder that has it is whole."""


@dataclass(frozen=True, eq=False)
class StoreFacts:
    """What is in a store.

    name: the data set, or the folder.
    digest: SHA-256 of the documents.
    vectors: kind of the sentences' vectors; see `sentence_vectors`.
    files, titles: (D,) of the documents.
    skipped: files that could not be read, each with the reason.
    mean_length: mean number of words of a sentence, for BM25.
    """

    name: str
    digest: str
    vectors: str
    files: tuple[str, ...]
    titles: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    mean_length: float


@dataclass(frozen=True, eq=False)
class DocumentStore:
    """Sentences of documents. Tensors are shared by all who open the store: never change them in place.

    facts: name, digest, files and titles.
    words: (V,) the distinct words, lower-cased.
    sentences: words of each sentence, S in all.
    titles: words of each document's title, D in all.
    document: (S,) int32, the document of each sentence.
    line: (S,) int32, the line on which each sentence begins, or the page of a PDF.
    first: (D + 1,) int64: document d has the sentences from first[d] to before first[d + 1].
    text, text_offsets: UTF-8 of all sentences, (bytes,) uint8, and where each begins, (S + 1,) int64.
    index: BM25, over titles and sentences.
    word_vectors: (V, E) float32, by which vectors of new sentences are made; (0, E) where an encoder makes them.
    mean_vector: (E,) float32, the mean that is subtracted.
    vectors: (S, E) float32, of length 1.
    """

    facts: StoreFacts
    words: tuple[str, ...]
    sentences: Ragged
    titles: Ragged
    document: Tensor
    line: Tensor
    first: Tensor
    text: NDArray[np.uint8]
    text_offsets: NDArray[np.int64]
    index: Bm25Index
    word_vectors: Tensor
    mean_vector: Tensor
    vectors: Tensor

    def __len__(self) -> int:
        """Return the number S of sentences."""
        return len(self.document)

    @property
    def word_count(self) -> int:
        """Number of words of all sentences."""
        return len(self.sentences.tokens)

    @cached_property
    def number(self) -> dict[str, int]:
        """Number of each word."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def is_mark(self) -> Tensor:
        """Which words are marks without a letter or digit, which are not searched for: (V,) bool."""
        return torch.tensor([not any(map(str.isalnum, word)) for word in self.words], dtype=torch.bool)

    @cached_property
    def document_of(self) -> dict[str, int]:
        """Number of each document by its file."""
        return {file: number for number, file in enumerate(self.facts.files)}

    def sentence(self, number: int) -> str:
        """Return a sentence as it was written."""
        begin, end = self.text_offsets[number : number + 2]
        return bytes(self.text[begin:end]).decode()

    def where(self, number: int) -> tuple[str, int]:
        """Return the file of a sentence and its line there, or its page in a PDF."""
        return self.facts.files[int(self.document[number])], int(self.line[number])

    def title(self, number: int) -> str:
        """Return the title of a sentence's document."""
        return self.facts.titles[int(self.document[number])]

    def sentences_at(self, document: int, lines: Iterable[int]) -> list[int]:
        """Return the sentences of a document that begin on these lines."""
        begin, end = int(self.first[document]), int(self.first[document + 1])
        wanted = set(lines)
        return [begin + place for place, line in enumerate(self.line[begin:end].tolist()) if line in wanted]


def open_store(folder: Path) -> DocumentStore:
    """Open a store; its arrays are read from the disk where they are needed.

    Raises:
        DataError: It is not whole, or has another format.
    """
    try:
        written = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        if written.pop("format") != FORMAT:
            raise DataError(f"{folder} was written by another version of glimpse")
        words = tuple(json.loads((folder / "words.json").read_text(encoding="utf-8")))
        for name in ("files", "titles"):
            written[name] = tuple(written[name])
        facts = StoreFacts(**{**written, "skipped": tuple(map(tuple, written["skipped"]))})
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
        return assemble(facts, words, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as fault:
        raise DataError(f"{folder} is no whole store ({fault}): `glimpse data store DIR --force` builds it") from fault


def empty_store(width: int) -> DocumentStore:
    """Return a store without documents, whose sentences would have vectors of `width` numbers."""
    arrays: dict[str, NDArray[Any]] = {name: np.zeros(0, np.int64) for name in ARRAYS}
    arrays |= {name: np.zeros(1, np.int64) for name in ("offsets", "title_offsets", "first", "text_offsets")}
    arrays |= {"posting_offsets": np.zeros(1, np.int64), "mean_vector": np.zeros(width, np.float32)}
    arrays |= {name: np.zeros((0, width), np.float16) for name in ("word_vectors", "vectors")}
    return assemble(StoreFacts("", "", "hashing", (), (), (), 1.0), (), arrays)


ARRAYS = (
    "tokens",
    "offsets",
    "title_tokens",
    "title_offsets",
    "document",
    "line",
    "first",
    "text",
    "text_offsets",
    "gain",
    "posting",
    "posting_offsets",
    "word_vectors",
    "mean_vector",
    "vectors",
)
"""Names of the arrays of a store, which are files of its folder."""


def assemble(facts: StoreFacts, words: tuple[str, ...], arrays: dict[str, NDArray[Any]]) -> DocumentStore:
    """Make a store of its arrays, by the names in `ARRAYS`.

    Raises:
        ValueError: Lengths do not fit together, or the index names sentences that are not there.
    """
    found = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items() if not name.startswith("text")}
    sentences, documents = len(found["document"]), len(facts.files)
    fits = (
        len(found["offsets"]) == len(arrays["text_offsets"]) == sentences + 1
        and len(found["line"]) == len(found["vectors"]) == sentences
        and len(found["first"]) == len(found["title_offsets"]) == documents + 1
        and len(found["posting_offsets"]) == len(words) + 1
        and int(found["posting_offsets"][-1]) == len(found["posting"]) == len(found["gain"])
        and int(found["offsets"][-1]) == len(found["tokens"])
        and int(arrays["text_offsets"][-1]) == len(arrays["text"])
    )
    if not fits:
        raise ValueError("the lengths of its files do not fit together")
    if len(found["posting"]) and not 0 <= int(found["posting"].min()) <= int(found["posting"].max()) < sentences:
        raise ValueError("its index names sentences that it does not have")
    index = Bm25Index(found["gain"], found["posting"], found["posting_offsets"], sentences, facts.mean_length)
    return DocumentStore(
        facts,
        words,
        Ragged(found["tokens"], found["offsets"], found["offsets"].diff()),
        Ragged(found["title_tokens"], found["title_offsets"], found["title_offsets"].diff()),
        found["document"],
        found["line"],
        found["first"],
        arrays["text"],
        arrays["text_offsets"],
        index,
        found["word_vectors"].float(),
        found["mean_vector"],
        found["vectors"].float(),
    )
