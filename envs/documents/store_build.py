"""Building of a store of sentences: once for each state of the documents, into the cache.

A store is written to a folder beside its own and renamed when it is whole, under a lock, so that it may be built again
at any time and whatever stops the building leaves no half of a store.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from glimpse.envs.data.file_digests import CachedReader, note_digest
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.data.user_paths import user_path
from glimpse.envs.documents.bm25_index import build_index
from glimpse.envs.documents.document_files import ENDINGS, Document, SkippedFile, files_in, read_documents, reading_of
from glimpse.envs.documents.document_store import (
    ARRAYS,
    FACTS_FILE,
    FORMAT,
    DocumentStore,
    StoreFacts,
    assemble,
    open_store,
)
from glimpse.envs.documents.document_words import split_document_word
from glimpse.envs.documents.sentence_vectors import load_encoder, unit, weighted_means, word_vectors
from glimpse.envs.errors import DataError
from glimpse.envs.live_line import progress_of
from glimpse.envs.text.corpus import concatenate_ranges, offsets_of, tokenise_all

_BATCH = 512
"""Sentences that an encoder is given at once."""


@CachedReader
def folder_store(folder: str, vectors: str, search_path: SearchPath, force: bool = False) -> DocumentStore:
    """Return the store of a folder of the user's own; it is built where it is not there yet.

    Args:
        folder: The folder, as the user typed it.
        vectors: Kind of the sentences' vectors; see `sentence_vectors`.
        search_path: Where word vectors are looked for, and the cache.
        force: Whether it is built again.

    Raises:
        DataError: There is no such folder, or it has no document that can be read.
    """
    if not folder:
        raise DataError("the folder of documents has an empty name: give its path, or . for the current folder")
    path = user_path(folder, "the folder of documents")
    files = files_in(path)
    digest = _digest_of_files(path, files)
    return made_store(path.name, digest, read_documents(path, files), len(files), vectors, search_path, force)


def made_store(
    name: str,
    digest: str,
    documents: Iterable[Document | SkippedFile],
    count: int,
    vectors: str,
    search_path: SearchPath,
    force: bool = False,
) -> DocumentStore:
    """Return the store of documents from the cache, or build it.

    Args:
        name: Names the documents.
        digest: SHA-256 of the documents; a store of another digest is another store.
        documents: The documents, which are read only if it is built.
        count: Their number.
        vectors: Kind of the sentences' vectors.
        search_path: Where word vectors are looked for, and the cache.
        force: Whether it is built again.
    """
    target = store_path(digest, vectors, search_path)
    if not force:
        try:
            return open_store(target)
        except DataError:
            pass  # It is not there, or not whole.
    with _lock(target):
        if not force:
            try:
                return open_store(target)  # Another process has built it meanwhile.
            except DataError:
                pass
        with progress_of(f"store of {name}", 2 * count) as advance:
            facts, words, arrays = _arrays(name, digest, documents, vectors, search_path, advance)
        assemble(facts, words, arrays)
        _write(target, facts, words, arrays)
        return open_store(target)


def store_path(digest: str, vectors: str, search_path: SearchPath) -> Path:
    """Return the folder of a store in the cache, which depends on the documents and on the kind of vectors."""
    key = hashlib.sha256(json.dumps([FORMAT, digest, vectors]).encode()).hexdigest()
    return stores_folder(search_path.cache) / key[:32]


def stores_folder(cache_folder: Path) -> Path:
    """Return the folder of the cache's stores."""
    return cache_folder / "stores"


def lock_path(store: Path) -> Path:
    """Return the file that is locked while a store is built."""
    return store.with_name(f".{store.name}.lock")


def _digest_of_files(folder: Path, files: list[Path]) -> str:
    """Return a digest of how files are read, and of their names and bytes; what cannot be read has its name alone.

    Each file is noted by its name within the folder.
    """
    found = hashlib.sha256(json.dumps(reading_of(files)).encode())
    for path in files:
        name, content = path.relative_to(folder).as_posix(), ""
        with suppress(OSError):
            read = path.read_bytes()
            content = hashlib.sha256(read).hexdigest()
            note_digest(path, len(read), content, name)
        found.update(json.dumps([name, content]).encode())
    return found.hexdigest()


def _arrays(
    name: str,
    digest: str,
    documents: Iterable[Document | SkippedFile],
    vectors: str,
    search_path: SearchPath,
    advance: Any,
) -> tuple[StoreFacts, tuple[str, ...], dict[str, NDArray[Any]]]:
    """Compute everything that is in a store."""
    read, skipped = list[Document](), list[tuple[str, str]]()
    for one in documents:
        if isinstance(one, Document):
            read.append(one)
        else:
            skipped.append((one.file, one.why))
        advance(1)
    sentences = [line.text for document in read for line in document.sentences]
    if not sentences:
        faults = "".join(f"\n  - {why}" for _, why in skipped)
        raise DataError(
            f"{name} has no document with text: add one ({', '.join(ENDINGS)}), or name another folder{faults}"
        )
    counts = np.array([len(document.sentences) for document in read])
    corpus = tokenise_all([*(document.title for document in read), *sentences], split_document_word, lower=True)
    documents_, words = len(read), tuple(corpus.words)
    ends = corpus.offsets
    title_ends, sentence_ends = ends[: documents_ + 1], ends[documents_:]
    of_document = np.repeat(np.arange(documents_, dtype=np.int32), counts)
    searched, searched_ends = _searched(words, corpus.tokens, ends, documents_, of_document)
    index = build_index(searched, searched_ends, len(words))
    advance(len(read))
    arrays: dict[str, NDArray[Any]] = {
        "tokens": corpus.tokens[sentence_ends[0] :],
        "offsets": sentence_ends - sentence_ends[0],
        "title_tokens": corpus.tokens[: title_ends[-1]],
        "title_offsets": title_ends,
        "document": of_document,
        "line": np.array([line.number for document in read for line in document.sentences], np.int32),
        "first": offsets_of(counts),
        **_text_arrays(sentences),
        "gain": index.gain.numpy(),
        "posting": index.sentence.numpy(),
        "posting_offsets": index.offsets.numpy(),
        **_vector_arrays(vectors, words, searched, searched_ends, index.idf.numpy(), sentences, search_path),
    }
    files, titles = (tuple(getattr(document, part) for document in read) for part in ("file", "title"))
    return StoreFacts(name, digest, vectors, files, titles, tuple(skipped), index.mean_length), words, arrays


def _searched(
    words: tuple[str, ...],
    tokens: NDArray[np.int32],
    ends: NDArray[np.int64],
    documents: int,
    of_document: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the words by which each sentence is found: those of its title and its own, without marks.

    Args:
        words: the distinct words.
        tokens: of all titles, and then of all sentences.
        ends: where these begin and end.
        documents: number of titles.
        of_document: (S,), the document of each sentence.
    """
    lengths = np.diff(ends)
    sentences = np.arange(documents, len(lengths))
    # Texts in the order title of the first sentence, first sentence, title of the second one, ...
    chosen = np.stack([of_document, sentences], 1).reshape(-1)
    places = offsets_of(lengths[chosen])
    both = tokens[concatenate_ranges(ends[:-1][chosen], places)]
    real = np.array([any(map(str.isalnum, word)) for word in words], bool)[both]
    return both[real], offsets_of(real)[places[::2]]


def _text_arrays(sentences: list[str]) -> dict[str, NDArray[Any]]:
    written = [sentence.encode() for sentence in sentences]
    return {
        "text": np.frombuffer(b"".join(written), np.uint8),
        "text_offsets": offsets_of(np.array([len(each) for each in written])),
    }


def _vector_arrays(
    kind: str,
    words: tuple[str, ...],
    searched: NDArray[np.int32],
    ends: NDArray[np.int64],
    idf: NDArray[np.float32],
    sentences: list[str],
    search_path: SearchPath,
) -> dict[str, NDArray[Any]]:
    """Return the vectors of words and sentences, float16, and their mean, float32."""
    if ":" in kind and not kind.startswith("file:"):
        encode = load_encoder(kind)
        parts = [encode(sentences[begin : begin + _BATCH]) for begin in range(0, len(sentences), _BATCH)]
        found = np.concatenate(parts)
        of_words, mean = np.zeros((0, found.shape[1]), np.float32), np.zeros(found.shape[1], np.float32)
    else:
        of_words = word_vectors(kind, words, search_path)
        raw = weighted_means(of_words, idf, searched, ends)
        mean = raw.mean(0)
        found = unit(torch.from_numpy(raw - mean)).numpy()
    return {"word_vectors": of_words.astype(np.float16), "mean_vector": mean, "vectors": found.astype(np.float16)}


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    """Lock a store against other processes, and remove leftovers of builds that were killed.

    Raises:
        DataError: The cache cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_path(target))
        lock.acquire()
        for leftover in target.parent.glob(f".{target.name}.part*"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"The cache {target.parent} cannot be written ({error}); set GLIMPSE_CACHE to a folder that can."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _write(target: Path, facts: StoreFacts, words: tuple[str, ...], arrays: dict[str, NDArray[Any]]) -> None:
    """Write a store to a folder beside its own, and rename it when it is whole.

    Raises:
        DataError: The disk is full, or the cache cannot be written.
    """
    part = target.with_name(f".{target.name}.part{os.getpid()}")
    try:
        part.mkdir()
        for name in ARRAYS:
            np.save(part / f"{name}.npy", arrays[name])
        (part / "words.json").write_text(json.dumps(words), encoding="utf-8")
        (part / FACTS_FILE).write_text(json.dumps({"format": FORMAT, **asdict(facts)}), encoding="utf-8")
        if target.exists():  # Whoever has it open keeps what is mapped.
            shutil.rmtree(target)
        os.replace(part, target)
    except OSError as error:
        raise DataError(f"the store {target} cannot be written ({error})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
