"""The three splits of a data set as numbered words, before they become tensors."""

from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.sources import Places
from glimpse.envs.text.corpus import ends, sentence_starts, tokenise_all
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.readers import read_text_set
from glimpse.envs.text.rows import Parts, Rows
from glimpse.envs.text.text_sets import TEXT_SETS
from glimpse.envs.text.tokens import SPLITTERS
from glimpse.envs.text.user_file import read_user_files
from glimpse.envs.text.vectors import read_vectors
from glimpse.envs.text.vocabulary import Vocabulary, build_vocabulary


class Texts(NamedTuple):
    """N texts of M words in all.

    Attributes:
        tokens: (M,) int32, numbers of words, all texts end to end.
        offsets: (N + 1,) int64: text n is tokens[offsets[n] : offsets[n + 1]].
        begins: (M,) bool: a sentence begins with the word.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    begins: NDArray[np.bool_]


class EncodedSplit(NamedTuple):
    """One split: its texts, the second ones of pairs, the labels (N,), and (M,) bool the words marked as evidence."""

    text: Texts
    second: Texts | None
    label: NDArray[Any]
    evidence: NDArray[np.bool_] | None


class Encoded(NamedTuple):
    """All three splits; `scores` are the lowest and the highest one, where labels are not classes."""

    train: EncodedSplit
    validation: EncodedSplit
    test: EncodedSplit
    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    vocabulary: Vocabulary


@cache  # An error is not kept, so a mended file is read again.
def encode(options: TextOptions, places: Places) -> Encoded:
    """Read and tokenise a data set, and number its words, once in a process.

    Raises:
        DataError: A file is missing or not as it should be.
    """
    read = read_text_set(options.data, places) if options.data in TEXT_SETS else read_user_files(options)
    splits = read.divide(options.fold, options.data)
    columns = [column for rows in splits for column in (rows.text, rows.second or [])]
    corpus = tokenise_all(chain.from_iterable(columns), SPLITTERS[tokens_are(options)], options.lower)
    begins = sentence_starts(corpus, by_marks=tokens_are(options) != "kept")
    first_text = ends(np.array([len(column) for column in columns]))
    in_training = corpus.tokens[: corpus.offsets[first_text[2]]]
    vocabulary = build_vocabulary(
        corpus.words,
        np.bincount(in_training, minlength=len(corpus.words)),
        read_vectors(options.vectors, places).row,
        min_count=options.min_count,
        known=options.vocabulary,
    )
    tokens = np.array(vocabulary.encode(corpus.words), np.int32)[corpus.tokens]
    whole = Texts(tokens, corpus.offsets, begins)
    texts = [_slice(whole, *bounds) for bounds in zip(first_text[:-1], first_text[1:], strict=True)]
    train, validation, test = (_split(rows, *texts[2 * at : 2 * at + 2]) for at, rows in enumerate(splits))
    return Encoded(train, validation, test, read.classes, _scores(options, read), vocabulary)


def tokens_are(options: TextOptions) -> str:
    """How a text of this data set becomes tokens; see `TextSet.tokens`."""
    return TEXT_SETS[options.data].tokens if options.data in TEXT_SETS else "split"


def _slice(texts: Texts, first: int, last: int) -> Texts:
    """The texts from number `first` to before number `last`."""
    begin, end = texts.offsets[first], texts.offsets[last]
    return Texts(texts.tokens[begin:end], texts.offsets[first : last + 1] - begin, texts.begins[begin:end])


def _split(rows: Rows, text: Texts, second: Texts) -> EncodedSplit:
    evidence = None if rows.evidence is None else np.concatenate(rows.evidence)
    return EncodedSplit(text, None if rows.second is None else second, rows.label, evidence)


def _scores(options: TextOptions, parts: Parts) -> tuple[float, float] | None:
    """Known, or the whole numbers around those of training."""
    if parts.classes:
        return None
    if options.data in TEXT_SETS:
        return TEXT_SETS[options.data].scores
    return float(np.floor(parts.train.label.min())), float(np.ceil(parts.train.label.max()))
