"""Tests of the cache of words: what comes out of it is what was read, until a file changes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glimpse.envs.data.decoded_cache import decoded_folder, list_decoded
from glimpse.envs.data.file_digests import noting_files
from glimpse.envs.text import encoded_texts, numbered_splits, text_data
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.text_data import DocumentData, TextData, load_documents, load_text
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.runs.content_digest import content_digest

SPLITS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of the test's own, in which even short texts are kept."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encoded_texts, "_KEPT", 1)
    return tmp_path / "cache"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Write a table of pairs with two classes; some second texts are empty of known words."""
    rows = [f"a{n % 7} b{n % 5}. C{n}!\t{'good' if n % 3 else 'bad'}\td{n % 4} ." for n in range(60)]
    (tmp_path / "texts.tsv").write_text("\n".join(["text\tlabel\tsecond", *rows]) + "\n")
    return tmp_path / "texts.tsv"


def options(table: Path, **given: Any) -> WholeTextOptions:
    """Return the options of a table."""
    return WholeTextOptions.model_validate({"name": "text", "data": f"file:{table}", "vectors": "none", **given})


def fresh(load: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """Load as a new process does."""
    for known in (numbered_splits.encode, numbered_splits._encode_as_kept, text_data._text_data):
        known.cache_clear()
    text_data._document_data.cache_clear()
    return load(*given, **more)


def facts(data: TextData | DocumentData) -> tuple[Any, ...]:
    """Return what data hold."""
    return content_digest(data), data.classes, data.vocabulary.words, data.digest, data.clauses


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("load", "given"),
    [
        (load_text, {}),
        (load_text, {"text2": "second", "max_words": 2}),
        (load_documents, {"max_sentences": 1}),
        (load_text, {"tokens": "subwords", "subwords": 100}),
    ],
    ids=["texts", "pairs", "documents", "subwords"],
)
def test_kept_words_are_those_that_are_read(
    split: str, load: Callable[..., Any], given: dict[str, Any], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data, digests of data and of files are equal: written, read again, and never kept; a table is opened once."""
    found = []
    for kept in (1, 1, 10**9):
        monkeypatch.setattr(encoded_texts, "_KEPT", kept)
        with noting_files() as noted:
            found.append((facts(fresh(load, options(table, **given), split)), noted.digests))
    assert found[0] == found[1] == found[2] and len(found[0][1]) == 1
    monkeypatch.setattr(encoded_texts, "_KEPT", 1)
    monkeypatch.setattr(numbered_splits, "read_user_files", None)
    assert facts(fresh(load, options(table, **given), split)) == found[0][0]


def test_a_run_reads_what_training_has_kept(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words of a run that are those of the data, nothing is tokenised again; with others, it is."""
    train = fresh(load_text, options(table), "train")
    same = TextMeaning(
        classes=train.classes, words=train.vocabulary.words, vector_width=None, without_vector=(), shapes=()
    )
    expected = facts(load_text(options(table), "test"))
    other = same.model_copy(update={"words": (*same.words[:2], *same.words[:1:-1])})
    turned = fresh(load_text, options(table), "test", meaning=other)
    assert turned.vocabulary.words == other.words and facts(turned) != expected
    monkeypatch.setattr(numbered_splits, "tokenise_texts", None)
    assert facts(fresh(load_text, options(table), "test", meaning=same)) == expected


def test_a_changed_file_is_read_again(table: Path, cache: Path) -> None:
    """The older entry is replaced; a cut entry is written anew."""
    before = fresh(load_text, options(table), "train")
    table.write_text(table.read_text() + "new words here\tgood\tx\n")
    after = fresh(load_text, options(table), "train")
    assert len(after.labels) + 1 > len(before.labels) and len(list_decoded(cache)) == 1
    assert "new" in after.vocabulary.words or "new" not in before.vocabulary.words
    (tokens,) = decoded_folder(cache).glob("*/0-text-tokens.npy")
    tokens.write_bytes(tokens.read_bytes()[:-3])
    assert facts(fresh(load_text, options(table), "train")) == facts(after)


def test_what_cannot_be_kept_is_read_at_each_start(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says so, and the data are the same."""
    expected = facts(fresh(load_text, options(table, lower=True), "train"))

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", refuse)
    monkeypatch.setattr(encoded_texts, "_CODE", "other code")
    assert facts(fresh(load_text, options(table, lower=True), "train")) == expected
    assert "cannot keep words of file:" in capsys.readouterr().err
