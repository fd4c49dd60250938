"""Words of a store and of questions as one list, and the numbers that an agent knows them by."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.splits import SPLIT_SEED
from glimpse.envs.documents.bm25_index import Bm25Index
from glimpse.envs.documents.document_store import DocumentStore
from glimpse.envs.documents.options import DocumentSearchOptions
from glimpse.envs.documents.sentence_vectors import word_vectors
from glimpse.envs.text.ragged import PAD
from glimpse.envs.text.text_data import WordVectors, kept_vectors
from glimpse.envs.text.text_meaning import SearchMeaning, TextMeaning
from glimpse.envs.text.vectors import VectorTable
from glimpse.envs.text.vocabulary import Vocabulary, build_vocabulary, row_of


class SearchedWords(NamedTuple):
    """V words: those of a store, and then others that questions have.

    bm25: index over all V words.
    is_mark: (V,) bool, marks, which are not searched for.
    vocabulary: the words that an agent knows.
    known_as: (V,) int64, the number of each word in the vocabulary.
    sentence_words: (V, E) float32, by which vectors of sentences are made; (0, E) where an encoder makes them.
    vectors: initial vectors of the vocabulary, or None.
    """

    bm25: Bm25Index
    is_mark: Tensor
    vocabulary: Vocabulary
    known_as: Tensor
    sentence_words: Tensor
    vectors: WordVectors | None


def searched_words(
    store: DocumentStore,
    others: Sequence[str],
    counts: NDArray[np.int64],
    options: DocumentSearchOptions,
    table: VectorTable,
    search_path: SearchPath,
    meaning: TextMeaning | None,
) -> SearchedWords:
    """Number the words of a store and of questions.

    Args:
        store: The store.
        others: Words of questions that the store does not have.
        counts: (V,), how often all words occur in training questions.
        options: Which words are known.
        table: Word vectors that the agent begins with.
        search_path: Where word vectors are looked for.
        meaning: The words of a run, whose numbers are given; by default they are chosen here.
    """
    words = [*store.words, *others]
    in_store = torch.bincount(store.sentences.tokens, minlength=len(store.words))
    in_store += torch.bincount(store.titles.tokens, minlength=len(store.words))
    if meaning is not None:
        vocabulary = Vocabulary(meaning.words)
    else:
        count = counts.copy()
        count[: len(store.words)] += in_store.numpy()
        vocabulary = build_vocabulary(words, count, table.row, min_count=options.min_count, known="splits")
    marks = [not any(map(str.isalnum, word)) for word in others]
    known_as = torch.tensor(vocabulary.encode(words), dtype=torch.int64)
    made_of = store.word_vectors
    if len(made_of) and others:
        more = torch.from_numpy(word_vectors(store.facts.vectors, others, search_path))
        made_of = torch.cat([made_of, more])
    return SearchedWords(
        store.index.with_words(len(others)),
        torch.cat([store.is_mark, torch.tensor(marks, dtype=torch.bool)]),
        vocabulary,
        known_as,
        made_of,
        initial_vectors(vocabulary, table, options.unknown_scale),
    )


def kept_words(store: DocumentStore, meaning: SearchMeaning) -> SearchedWords:
    """Return the words of a run for a store without any."""
    none = torch.zeros(0, dtype=torch.int64)
    return SearchedWords(
        store.index, none.bool(), Vocabulary(meaning.words), none, store.word_vectors, kept_vectors(meaning)
    )


def initial_vectors(vocabulary: Vocabulary, table: VectorTable, scale: float) -> WordVectors | None:
    """Return vectors for a vocabulary, random ones for words that have none; None if there are no vectors."""
    if not table.row:
        return None
    rows = [row_of(word, table.row) for word in vocabulary.words]
    given = np.array([row is not None for row in rows], bool)
    # NumPy promises never to change what RandomState draws, so a word begins with the same vector everywhere.
    found = scale * np.random.RandomState(SPLIT_SEED).standard_normal((len(rows), table.vectors.shape[1]))
    found[given] = table.vectors[[row for row in rows if row is not None]]
    found[PAD] = 0
    return WordVectors(torch.from_numpy(found.astype(np.float32)), torch.from_numpy(given))
