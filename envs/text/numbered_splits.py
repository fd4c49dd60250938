"""Splits of a text data set as numbered words, before they become tensors."""

import hashlib
import re
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.file_digests import CachedReader
from glimpse.envs.data.kept_classes import number_as_kept
from glimpse.envs.data.registry import TEXT_SETS
from glimpse.envs.data.sources import SearchPath, find_copies
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.live_line import counting, progress_of
from glimpse.envs.text.corpus import lacks_spaces, offsets_of
from glimpse.envs.text.encoded_texts import EncodedSplit, Encoding, Texts, kept_encoding, recall_encoding
from glimpse.envs.text.label_columns import check_same_kind, score_range
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.rows import Parts, Rows
from glimpse.envs.text.text_formats import read_text_set
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.tokenisation import make_tokenizer, spans_of_tokens, tokenise_texts
from glimpse.envs.text.tokens import BREAK
from glimpse.envs.text.user_file import read_user_files, read_user_split
from glimpse.envs.text.vectors import read_vectors
from glimpse.envs.text.vocabulary import Vocabulary, build_vocabulary

Split = Literal["train", "validation", "test"]


class NumberedSplits(NamedTuple):
    """Three splits of a data set with one vocabulary.

    Attributes:
        train: The training split.
        validation: The validation split.
        test: The test split.
        classes: The name of each class; none where labels are scores.
        scores: The lowest and the highest score, or None where labels are classes.
        vocabulary: The words.
        clauses: Whether tokens are whole clauses; see `lacks_spaces`.
    """

    train: EncodedSplit
    validation: EncodedSplit
    test: EncodedSplit
    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    vocabulary: Vocabulary
    clauses: bool


class NumberedSplit(NamedTuple):
    """One split of a data set; the rest is as in `NumberedSplits`."""

    split: EncodedSplit
    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    vocabulary: Vocabulary
    clauses: bool = False


def number_split(
    options: TextOptions, split: Split, search_path: SearchPath, meaning: TextMeaning | None
) -> NumberedSplit:
    """Read, tokenise and number one split: as a run has kept it, or else as the data are; the result is cached.

    Raises:
        DataError: As `encode` and `_encode_as_kept`.
    """
    before = None if meaning is None else encode.recall(options, search_path) or _recall(options, search_path)
    if meaning is not None and not (before and _means_the_same(before, meaning)):
        return _encode_as_kept(options, split, search_path, meaning)
    encoded = before or encode(options, search_path)
    chosen: EncodedSplit = getattr(encoded, split)
    return NumberedSplit(chosen, encoded.classes, encoded.scores, encoded.vocabulary, encoded.clauses)


def _means_the_same(read: NumberedSplits, meaning: TextMeaning) -> bool:
    """Return whether data that were read before have a run's meaning by themselves, and need not be read anew."""
    found = read.classes, read.scores, read.train.label.ndim > 1, read.vocabulary.words, read.vocabulary.tokenizer
    kept = meaning.classes, meaning.scores, meaning.labels == "many", meaning.words, meaning.tokenizer
    return found == kept


@CachedReader
def encode(options: TextOptions, search_path: SearchPath) -> NumberedSplits:
    """Read and tokenise a data set and number its words; the result is cached.

    Args:
        options: The data set, and how its texts become tokens.
        search_path: Where its files are looked for.

    Raises:
        DataError: A file is missing or not as it should be.
    """
    make = partial(_encoding, options, search_path)
    kept = _subject(options, search_path), _files_of(options, search_path), search_path.cache
    return _numbered(kept_encoding(f"words of {options.data}", *kept, make))


def _recall(options: TextOptions, search_path: SearchPath) -> NumberedSplits | None:
    """Return what `encode` does, if it is in the cache."""
    found = recall_encoding(_subject(options, search_path), _files_of(options, search_path), search_path.cache)
    return None if found is None else _numbered(found)


def _subject(options: TextOptions, search_path: SearchPath) -> list[Any]:
    """Return what decides the words of a data set, besides the content of files."""
    return [options.model_dump(mode="json"), str(search_path.named)]


def _numbered(encoding: Encoding) -> NumberedSplits:
    """Return splits, and the other facts, of what `_encoding` has made."""
    facts, (train, validation, test) = encoding.facts, encoding.splits
    scores = None if facts["scores"] is None else (facts["scores"][0], facts["scores"][1])
    vocabulary = Vocabulary(tuple(facts["words"]), facts["tokenizer"])
    return NumberedSplits(train, validation, test, tuple(facts["classes"]), scores, vocabulary, facts["clauses"])


def _files_of(options: TextOptions, search_path: SearchPath) -> list[Path]:
    """Return the files of a data set's texts, as far as they are there."""
    if options.data not in TEXT_SETS:
        named = (options.data, options.validation, options.test)
        return [user_path(file.removeprefix("file:"), "task.data") for file in named if file is not None]
    files = TEXT_SETS[options.data].files
    found = [find_copies(files, file, search_path)[:1] for file in files.md5] if files is not None else []
    return [path for paths in found for path in paths]


def _encoding(options: TextOptions, search_path: SearchPath) -> Encoding:
    """Do what `encode` does."""
    read = read_text_set(options.data, search_path) if options.data in TEXT_SETS else read_user_files(options)
    splits = read.divide(options.fold, options.data)
    # Tokenise all columns of texts together: text and second text of each split in turn.
    columns = [column for rows in splits for column in (rows.text, rows.second or [])]
    tokenizer = make_tokenizer(options, chain.from_iterable(columns[:2]))
    with progress_of(f"texts of {options.data} divided into words", sum(map(len, columns))) as advance:
        texts_of_all = counting(chain.from_iterable(columns), advance)
        corpus, begins = tokenise_texts(texts_of_all, options, tokenizer)
    first_text = offsets_of(np.array([len(column) for column in columns]))
    # The vocabulary counts the words of training, which comes first.
    in_training = corpus.tokens[: corpus.offsets[first_text[2]]]
    vocabulary = build_vocabulary(
        corpus.words,
        np.bincount(in_training, minlength=len(corpus.words)),
        read_vectors(options.vectors, search_path).row,
        min_count=options.min_count,
        known=options.vocabulary,
        tokenizer=tokenizer,
    )
    # Divide the numbered words into the columns again.
    tokens = np.array(vocabulary.encode(corpus.words), np.int32)[corpus.tokens]
    whole = Texts(tokens, corpus.offsets, begins)
    texts = [_slice(whole, *bounds) for bounds in zip(first_text[:-1], first_text[1:], strict=True)]
    train, validation, test = (
        _split(rows, texts[2 * at], texts[2 * at + 1], options, tokenizer) for at, rows in enumerate(splits)
    )
    clauses = options.tokens == "words" and lacks_spaces(corpus)
    facts = {
        "classes": read.classes,
        "scores": _scores(options, read),
        "words": vocabulary.words,
        "tokenizer": tokenizer,
        "clauses": clauses,
    }
    return Encoding((train, validation, test), facts)


@CachedReader
def _encode_as_kept(options: TextOptions, split: Split, search_path: SearchPath, meaning: TextMeaning) -> NumberedSplit:
    """Read and tokenise one split, and number its classes and words as a run has kept them.

    Raises:
        DataError: A file is missing or not as it should be; or a class is none of the run's.
    """
    vocabulary = Vocabulary(meaning.words, meaning.tokenizer)
    rows = _rows_as_kept(options, split, search_path, meaning)
    text, second = (number_texts(column, options, vocabulary) for column in (rows.text, rows.second or []))
    encoded = _split(rows, text, second, options, meaning.tokenizer)
    return NumberedSplit(encoded, meaning.classes, meaning.scores, vocabulary)


def _rows_as_kept(options: TextOptions, split: Split, search_path: SearchPath, meaning: TextMeaning) -> Rows:
    """Read the rows of one split, with labels that are numbered as a run has kept them."""
    if options.data not in TEXT_SETS:
        return read_user_split(options, split, meaning)
    read = read_text_set(options.data, search_path)
    check_same_kind("classes" if read.classes else "scores", meaning.label_kind_name, options.data)
    rows: Rows = getattr(read.divide(options.fold, options.data), split)
    if not read.classes:
        return rows
    return rows._replace(label=number_as_kept(rows.label, read.classes, meaning.classes, options.data))


def number_texts(texts: Iterable[str], options: TextOptions, vocabulary: Vocabulary) -> Texts:
    """Tokenise texts as those of a data set, and number their words by a vocabulary."""
    corpus, begins = tokenise_texts(texts, options, vocabulary.tokenizer)
    return Texts(np.array(vocabulary.encode(corpus.words), np.int32)[corpus.tokens], corpus.offsets, begins)


def _slice(texts: Texts, first: int, last: int) -> Texts:
    """Return texts `first` to `last` - 1."""
    begin, end = texts.offsets[first], texts.offsets[last]
    return Texts(texts.tokens[begin:end], texts.offsets[first : last + 1] - begin, texts.begins[begin:end])


def _split(rows: Rows, text: Texts, second: Texts, options: TextOptions, tokenizer: str | None = None) -> EncodedSplit:
    evidence = None
    if rows.evidence is not None:
        marks = zip(rows.text, rows.evidence, strict=True)
        evidence = np.concatenate([_marks_of_tokens(text, marked, options, tokenizer) for text, marked in marks])
    return EncodedSplit(text, None if rows.second is None else second, rows.label, evidence, _digest(rows))


def _digest(rows: Rows) -> str:
    """Return the SHA-256 of texts, or of both columns of pairs."""
    known = hashlib.sha256()
    for column in (rows.text, rows.second or []):
        for text in column:
            written = text.encode("utf-8", "surrogatepass")
            known.update(b"%d;" % len(written) + written)
    return known.hexdigest()


def _marks_of_tokens(
    text: str, marked: NDArray[np.bool_], options: TextOptions, tokenizer: str | None
) -> NDArray[np.bool_]:
    """Return the human rationale of a text's tokens, from that of its words, of which they are parts."""
    if options.tokens == "words":
        return marked
    words = np.array([word.start() for word in re.finditer(r"\S+", text) if word[0] != BREAK], np.int64)
    begins = [span.begin for span in spans_of_tokens(text, options, tokenizer, own=False)]
    chosen: NDArray[np.bool_] = marked[np.searchsorted(words, begins, side="right") - 1]
    return chosen


def _scores(options: TextOptions, parts: Parts) -> tuple[float, float] | None:
    """Return the range of scores: the registry's, or the training scores rounded outwards; None for classes."""
    if parts.classes:
        return None
    if options.data in TEXT_SETS:
        return TEXT_SETS[options.data].scores
    return score_range(parts.train.label)
