"""Tests of stores: BM25 against the library, vectors, and building that may be repeated or killed."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bm25s
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from glimpse.envs.data.file_digests import noting_files
from glimpse.envs.data.sources import SearchPath
from glimpse.envs.documents import store_build
from glimpse.envs.documents.bm25_index import NONE, build_index
from glimpse.envs.documents.document_store import DocumentStore, open_store
from glimpse.envs.documents.document_words import words_of_question
from glimpse.envs.documents.sentence_vectors import hashed_vectors
from glimpse.envs.documents.store_build import folder_store, store_path
from glimpse.envs.errors import DataError
from glimpse.envs.text.corpus import offsets_of
from tests.envs.documents.test_document_files import pdf

TEXTS = {
    "cats.txt": "Cats sleep all day.\nA cat eats fish.\n\nCats, cats!\n...",
    "dogs.md": "# About dogs\nDogs run. A dog eats meat.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two documents."""
    (tmp_path / "texts").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "texts" / name).write_text(text)
    return tmp_path / "texts"


def made(folder: Path, vectors: str = "hashing", force: bool = False) -> DocumentStore:
    """Return the folder's store, in a cache beside the folder."""
    folder_store.cache_clear()
    return folder_store(str(folder), vectors, SearchPath(None, folder.parent / "cache"), force)


def test_a_store_has_sentences_with_file_line_and_title(folder: Path) -> None:
    """Sentences are as they were written; titles are the first heading, or the file's name."""
    store = made(folder)
    shown = [(store.sentence(number), *store.where(number), store.title(number)) for number in range(len(store))]
    assert shown == [
        ("Cats sleep all day.", "cats.txt", 1, "cats"),
        ("A cat eats fish.", "cats.txt", 2, "cats"),
        ("Cats, cats!", "cats.txt", 4, "cats"),
        ("...", "cats.txt", 5, "cats"),
        ("About dogs", "dogs.md", 1, "About dogs"),
        ("Dogs run.", "dogs.md", 2, "About dogs"),
        ("A dog eats meat.", "dogs.md", 2, "About dogs"),
    ]
    assert store.first.tolist() == [0, 4, 7] and store.word_count == 5 + 5 + 4 + 1 + 2 + 3 + 5
    assert store.sentences_at(1, [2]) == [5, 6] and store.sentences_at(0, [3]) == []
    assert isinstance(store.text, np.memmap)


def test_scores_are_those_of_bm25s() -> None:
    """For random sentences, some without a word, and queries of any length, weights included; others score alike."""
    random = np.random.default_rng(0)
    texts = [random.integers(0, 9, length).tolist() for length in (3, 0, 5, 1, 8, 0, 4)]
    index = build_index(np.array(sum(texts, []), np.int32), offsets_of(np.array(list(map(len, texts)))), 12)
    library = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    library.index((texts, {str(word): word for word in range(12)}), show_progress=False)
    queries = [[0], [1, 2, 3], [8, 11], []]
    words, padded = torch.full((4, 3), NONE), torch.full((4, 7, 8), NONE)
    for row, query in enumerate(queries):
        words[row, : len(query)] = torch.tensor(query, dtype=torch.int64)
        for number, text in enumerate(texts):
            padded[row, number, : len(text)] = torch.tensor(text, dtype=torch.int64)
    expected = np.stack([library.get_scores_from_ids(query) for query in queries])
    found = index.scores(words, torch.ones(4, 3))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert expected.any() and not found[3].any()
    weights = torch.tensor([2.0, 0.5, 0.0]).expand(4, 3)
    parts = [index.scores(words[:, [place]], torch.ones(4, 1)) for place in range(2)]
    torch.testing.assert_close(index.scores(words, weights), 2 * parts[0] + 0.5 * parts[1])
    wider = index.with_words(5)
    torch.testing.assert_close(wider.scores(words + 0, torch.ones(4, 3)), found)
    assert not wider.scores(torch.tensor([[16]]), torch.ones(1, 1)).any()
    others = wider.scores_of_others(words, weights, padded, padded != NONE)
    torch.testing.assert_close(others, index.scores(words, weights))
    members = torch.tensor([[1, 2, 4, 6], [0, 3, NONE, NONE], [NONE] * 4, [5, NONE, NONE, NONE]])
    among = wider.scores(words, weights, members)
    torch.testing.assert_close(among, others.gather(1, members.clamp(min=0)).masked_fill(members == NONE, 0))
    assert among[:2].any(1).all()


def test_titles_are_searched_and_marks_are_not(folder: Path) -> None:
    """A word of the title finds all sentences of its document."""
    store = made(folder)
    about = store.index.scores(torch.tensor([[store.number["about"]]]), torch.ones(1, 1))[0] > 0
    assert about.tolist() == [False] * 4 + [True] * 3
    assert not store.index.scores(torch.tensor([[store.number["."]]]), torch.ones(1, 1)).any()
    assert store.is_mark[store.number["..."]] and not store.is_mark[store.number["cats"]]


def test_scripts_without_spaces_are_searched_by_letters(folder: Path) -> None:
    """A question in Chinese finds the sentence that shares most of its letters, rare ones before common ones."""
    (folder / "zoo.txt").write_text("猫在家里睡觉。狗在家里吃肉。Pandas eat 竹子.", encoding="utf-8")
    store = made(folder)
    texts = [store.sentence(number) for number in range(7, len(store))]
    assert texts == ["猫在家里睡觉。", "狗在家里吃肉。", "Pandas eat 竹子."]
    asked = words_of_question("狗吃什么")
    assert asked == ["狗", "吃", "什", "么"]
    known = torch.tensor([[store.number[word] for word in asked if word in store.number]])
    assert store.index.scores(known, torch.ones(known.shape))[0].argmax() == 8


def test_a_store_is_built_once_for_each_state_of_its_documents(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read again while the files are the same; a changed file, or other vectors, make another store."""
    first = made(folder)
    with monkeypatch.context() as patch:
        patch.setattr(store_build, "_arrays", lambda *_: pytest.fail("it is built again"))
        assert made(folder).words == first.words
    (folder / "cats.txt").write_text("Cats purr.")
    assert len(made(folder)) == 4 and made(folder).facts.digest != first.facts.digest
    assert len(list((folder.parent / "cache" / "stores").glob("*/store.json"))) == 2


def test_each_document_is_noted_whether_or_not_its_store_is_there(folder: Path) -> None:
    """By its name within the folder and its bytes, so that a run knows which of them have changed since."""
    (folder / "more").mkdir()
    (folder / "more" / "owls.txt").write_text("Owls hunt.")
    noted = []
    for _ in range(2):
        with noting_files() as files:
            made(folder)
        noted.append({digest.name: digest.bytes for digest in files.digests})
    assert noted[0] == noted[1] == {"cats.txt": 53, "dogs.md": 39, "more/owls.txt": 10}


def test_a_pdf_is_read_once_its_reader_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that was built without pypdf lacks the PDF, and is built anew with it; other folders need no reader."""
    pytest.importorskip("pypdf")
    plain = made(folder)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pypdf", None)
        assert made(folder).facts.digest == plain.facts.digest
        (folder / "page.pdf").write_bytes(pdf("A page."))
        assert "is not installed" in made(folder).facts.skipped[0][1]
    assert "page.pdf" in made(folder).facts.files


def test_a_store_that_is_not_whole_is_built_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed build left is removed; a cut file is noticed, whichever it is; a failed build leaves nothing."""
    store, search_path = made(folder), SearchPath(None, folder.parent / "cache")
    place = store_path(store.facts.digest, "hashing", search_path)
    left = place.with_name(f".{place.name}.part1")
    for name in sorted(path.name for path in place.iterdir()):
        left.mkdir(exist_ok=True)
        content = (place / name).read_bytes()
        (place / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match="is no whole store"):
            open_store(place)
        assert made(folder).words == store.words and not left.exists()
        assert (place / name).read_bytes() == content
    posting = np.load(place / "posting.npy")
    np.save(place / "posting.npy", posting + len(store))
    with pytest.raises(DataError, match="its index names sentences that it does not have"):
        open_store(place)
    assert torch.equal(made(folder).index.sentence, store.index.sentence)
    monkeypatch.setattr(np, "save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(DataError, match="disk full"):
        made(folder, force=True)
    assert open_store(place).words == store.words and not list(place.parent.glob(".*part*"))


def test_vectors_are_of_length_one_and_near_for_common_words(folder: Path) -> None:
    """A sentence is nearest to itself, and nearer to one with a common word than to one without."""
    store = made(folder)
    likeness = store.vectors @ store.vectors.T
    assert likeness.diagonal()[:3].sub(1).abs().max() < 1e-2
    assert likeness.argmax(1)[[0, 1, 4, 5, 6]].tolist() == [0, 1, 4, 5, 6]
    assert likeness[1, 6] > likeness[0, 6]
    one, other = hashed_vectors(["cat", "dog"], 64), hashed_vectors(["dog"], 64)
    assert (one[1] == other[0]).all() and (one[0] != one[1]).any() and np.allclose((one**2).sum(1), 1)


def test_an_encoder_of_the_users_own_makes_the_vectors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for model2vec counts letters; a model that is not there, or no package, is an error."""

    def encode(texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([[text.count("a"), text.count("o"), 1] for text in texts], float)

    def load(path: str) -> Any:
        return SimpleNamespace(encode=encode)

    (folder.parent / "model").mkdir()
    kind = f"model2vec:{folder.parent}/model"
    stand_in = ModuleType("model2vec")
    monkeypatch.setitem(sys.modules, "model2vec", stand_in)
    stand_in.StaticModel = SimpleNamespace(from_pretrained=load)  # type: ignore[attr-defined]
    store = made(folder, kind)
    expected = encode([store.sentence(number) for number in range(len(store))])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(store.vectors, expected, atol=1e-3)
    assert store.facts.vectors == kind and len(store.word_vectors) == 0
    with pytest.raises(DataError, match="there is no model"):
        made(folder, f"{kind}-none")
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(DataError, match="pip install model2vec"):
        made(folder, kind, force=True)


def test_a_name_that_is_no_utf_8_is_left_out_alone(folder: Path) -> None:
    """Its bytes are shown, and the other documents are read."""
    (Path(os.fsdecode(os.fsencode(folder) + b"/no\xff.txt"))).write_text("Not read.")
    (skipped,) = made(folder).facts.skipped
    assert skipped == ("no\\xff.txt", "no\\xff.txt: its name is not UTF-8; rename it")


def test_bad_files_are_kept_in_the_facts(folder: Path) -> None:
    """A store says what was left out; a folder of bad files alone is an error that names each."""
    (folder / "bad.txt").write_bytes(b"\xff\xfea\0")
    assert [file for file, _ in made(folder).facts.skipped] == ["bad.txt"]
    for name in TEXTS:
        (folder / name).unlink()
    with pytest.raises(DataError, match=r"has no document with text: add one .*\n  - .*bad.txt"):
        made(folder)
