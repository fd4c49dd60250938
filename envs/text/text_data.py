"""Text data sets as tensors, read and tokenised once per process and kept in memory."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.splits import SPLIT_SEED
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.corpus import concatenate_ranges, offsets_of
from glimpse.envs.text.encoded_texts import Texts
from glimpse.envs.text.numbered_splits import NumberedSplit, Split, encode, number_split
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.ragged import PAD, Nested, Ragged
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.vectors import read_vectors
from glimpse.envs.text.vocabulary import Vocabulary, row_of


@dataclass(frozen=True, eq=False)
class TextData:
    """One split of a data set of sentences, pairs, or documents read as one long text each.

    The tensors are shared by all who load them: never change them in place.

    Attributes:
        text: N texts.
        second: The second text of each pair, or None.
        labels: (N,) int64 in [0, len(classes)), or float32 scores; or (N, C) int64, several labels as 0 and 1.
        classes: The name of each class; none where labels are scores.
        scores: The lowest and the highest score, or None where labels are classes.
        vocabulary: The words.
        evidence: (M,) bool, the human rationale: True at words that people marked; or None. `text.batch_of` makes
            batches of it.
        clauses: Whether tokens are whole clauses, for lack of spaces; see `corpus.lacks_spaces`.
        digest: SHA-256 of the texts before they were tokenised and cut; "" where nobody asks.
    """

    text: Ragged
    second: Ragged | None
    labels: Tensor
    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    vocabulary: Vocabulary
    evidence: Tensor | None
    clauses: bool = field(default=False, compare=False)
    digest: str = field(default="", compare=False)

    @property
    def lengths(self) -> Tensor:
        """Number of words of each text, or of the longer one of a pair: (N,) int64 on the CPU."""
        return self.text.lengths if self.second is None else torch.maximum(self.text.lengths, self.second.lengths)


@dataclass(frozen=True, eq=False)
class DocumentData:
    """One split of a data set of documents that are divided into sentences; the rest is as in `TextData`.

    Attributes:
        text: N documents.
        labels: (N,) int64 in [0, len(classes)), or float32 scores; or (N, C) int64, several labels as 0 and 1.
        classes: The name of each class; none where labels are scores.
        scores: The lowest and the highest score, or None where labels are classes.
        vocabulary: The words.
        evidence: (M,) bool, the human rationale: True at words that people marked; or None.
        clauses, digest: As in `TextData`.
    """

    text: Nested
    labels: Tensor
    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    vocabulary: Vocabulary
    evidence: Tensor | None
    clauses: bool = field(default=False, compare=False)
    digest: str = field(default="", compare=False)

    @property
    def lengths(self) -> Tensor:
        """Number of sentences of each document: (N,) int64 on the CPU."""
        return self.text.lengths


class WordVectors(NamedTuple):
    """Initial vectors of the words of a vocabulary.

    Attributes:
        vectors: (V, E) float32; zeros for padding, and small random numbers for words without a known vector.
        given: (V,) bool, True for words with a known vector. The others, except padding, are to be trained.
    """

    vectors: Tensor
    given: Tensor


def load_text(
    options: TextOptions, split: Split, *, root: str | None = None, meaning: TextMeaning | None = None
) -> TextData:
    """Load one split on the CPU, with one text or a pair for each example, at most `options.max_words` words of each.

    Splits are the official ones. A missing test part is a fixed tenth of the examples (`options.fold` says which), and
    a missing validation part is a fixed tenth of training.

    Args:
        options: The data set, and how its texts become numbered words.
        split: Which split.
        root: Data folder; GLIMPSE_DATA by default. `glimpse.envs.data.sources` says where else files come from.
        meaning: The classes and words of a run, whose numbers are given; by default those of the data.

    Raises:
        DataError: A file is missing, or not as it should be; or it has a class that `meaning` does not have.
    """
    _check_split(split)
    return _text_data(_reading(options), split, options.max_words, SearchPath.of(root), meaning)


def load_documents(
    options: TextOptions, split: Split, *, root: str | None = None, meaning: TextMeaning | None = None
) -> DocumentData:
    """Load one split on the CPU as `load_text` does, but with a document of sentences for each example.

    Sentences end at marks (see `ends_of_sentences`) and at <br />, or where the data set has line breaks. At most
    `options.max_sentences` sentences of a document are kept, and at most `options.max_words` words of each.

    Raises:
        DataError: As `load_text`; and if the examples are pairs.
    """
    _check_split(split)
    limits = options.max_sentences, options.max_words
    return _document_data(_reading(options), split, *limits, SearchPath.of(root), meaning)


def load_vectors(
    options: TextOptions, *, root: str | None = None, meaning: TextMeaning | None = None
) -> WordVectors | None:
    """Load the vectors that `options.vectors` names, for the vocabulary of a data set or of `meaning`; None for "none".

    Raises:
        DataError: A file is missing, or not as it should be.
    """
    return _word_vectors(_reading(options), options.unknown_scale, SearchPath.of(root), meaning)


def kept_vectors(meaning: TextMeaning) -> WordVectors | None:
    """Return zeros for the vectors of a run's words, to be replaced by its weights; None where it began without."""
    if meaning.vector_width is None:
        return None
    given = torch.ones(len(meaning.words), dtype=torch.bool)
    given[list(meaning.without_vector)] = False
    return WordVectors(torch.zeros(len(meaning.words), meaning.vector_width), given)


def _check_split(split: str) -> None:
    if split not in ("train", "validation", "test"):
        raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")


def _reading(options: TextOptions) -> TextOptions:
    """Reduce options to those that affect reading and numbering, which are the cache key.

    Environments that differ in other options then share the data.
    """
    given = {name: getattr(options, name) for name in TextOptions.model_fields}
    for name in ("data", "validation", "test", "vectors", "tokens"):
        if str(given[name]).startswith("file:"):
            # The cache key has to mean the same file after the process changes its working directory.
            given[name] = f"file:{user_path(given[name].removeprefix('file:'), f'task.{name}')}"
    given |= {"max_words": None, "max_sentences": None, "unknown_scale": 0.0}
    return TextOptions.model_construct(**given)


@CachedReader
def _text_data(
    options: TextOptions, split: Split, max_words: int | None, search_path: SearchPath, meaning: TextMeaning | None
) -> TextData:
    return text_data(number_split(options, split, search_path, meaning), max_words)


def text_data(numbered: NumberedSplit, max_words: int | None) -> TextData:
    """Make the tensors of numbered texts, with at most `max_words` words of each."""
    chosen = numbered.split
    text, kept = _cut(chosen.text.offsets, max_words)
    second = None
    if chosen.second is not None:
        second_offsets, second_kept = _cut(chosen.second.offsets, max_words)
        second = _ragged(chosen.second.tokens[second_kept], second_offsets)
    return TextData(_ragged(chosen.text.tokens[kept], text), second, *_rest(numbered, kept))


@CachedReader
def _document_data(
    options: TextOptions,
    split: Split,
    max_sentences: int | None,
    max_words: int | None,
    search_path: SearchPath,
    meaning: TextMeaning | None,
) -> DocumentData:
    numbered = number_split(options, split, search_path, meaning)
    if numbered.split.second is not None:
        raise DataError(f"{options.data} has pairs of texts, which cannot be read as documents.")
    return document_data(numbered, max_sentences, max_words)


def document_data(numbered: NumberedSplit, max_sentences: int | None, max_words: int | None) -> DocumentData:
    """Make the tensors of numbered documents, with limits on their sentences and on the words of each."""
    chosen = numbered.split
    first_sentence, words = _sentences(chosen.text)
    documents, kept_sentences = _cut(first_sentence, max_sentences)
    length = np.diff(words)[kept_sentences]
    sentences = offsets_of(length if max_words is None else np.minimum(length, max_words))
    kept = concatenate_ranges(words[:-1][kept_sentences], sentences)
    widest = np.maximum.reduceat(np.diff(sentences), documents[:-1]) if len(chosen.label) else np.zeros(0, np.int64)
    text = Nested(
        _ragged(chosen.text.tokens[kept], sentences),
        torch.from_numpy(documents),
        torch.from_numpy(np.diff(documents)),
        torch.from_numpy(widest),
    )
    return DocumentData(text, *_rest(numbered, kept))


_Kept = NDArray[np.int64] | slice
_Rest = tuple[Tensor, tuple[str, ...], tuple[float, float] | None, Vocabulary, Tensor | None, bool, str]


def _rest(numbered: NumberedSplit, kept: _Kept) -> _Rest:
    """Return the fields that `TextData` and `DocumentData` share, from `labels` on."""
    chosen = numbered.split
    evidence = None if chosen.evidence is None else torch.from_numpy(chosen.evidence[kept])
    return (
        torch.from_numpy(chosen.label),
        numbered.classes,
        numbered.scores,
        numbered.vocabulary,
        evidence,
        numbered.clauses,
        chosen.digest,
    )


def _sentences(texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the index of each text's first sentence (N + 1,), and of each sentence's first word (sentences + 1,)."""
    sentence_at = offsets_of(texts.begins)
    return sentence_at[texts.offsets], np.append(np.flatnonzero(texts.begins), len(texts.tokens))


def _cut(offsets: NDArray[np.int64], limit: int | None) -> tuple[NDArray[np.int64], _Kept]:
    """Cut ranges to `limit` items each.

    Returns:
        The offsets of the cut ranges, and the indices of the items that are left.
    """
    if limit is None:
        return offsets, slice(None)
    cut = offsets_of(np.minimum(np.diff(offsets), limit))
    return cut, concatenate_ranges(offsets[:-1], cut)


def _ragged(tokens: NDArray[np.int32], offsets: NDArray[np.int64]) -> Ragged:
    return Ragged(torch.from_numpy(tokens), torch.from_numpy(offsets), torch.from_numpy(np.diff(offsets)))


@CachedReader
def _word_vectors(
    options: TextOptions, scale: float, search_path: SearchPath, meaning: TextMeaning | None
) -> WordVectors | None:
    table = read_vectors(options.vectors, search_path)
    if not table.row:
        return None
    words = meaning.words if meaning is not None else encode(options, search_path).vocabulary.words
    rows = [row_of(word, table.row) for word in words]
    given = np.array([row is not None for row in rows])
    # NumPy promises never to change what RandomState draws, so a word begins with the same vector everywhere.
    vectors = scale * np.random.RandomState(SPLIT_SEED).standard_normal((len(words), table.vectors.shape[1]))
    vectors[given] = table.vectors[[row for row in rows if row is not None]]
    vectors[PAD] = 0
    return WordVectors(torch.from_numpy(vectors.astype(np.float32)), torch.from_numpy(given))
