"""Splits as tensors: from a file to padded batches and word vectors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
import torch

from glimpse.envs.errors import DataError
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.text_data import (
    DocumentData,
    TextData,
    load_documents,
    load_text,
    load_vectors,
)
from glimpse.envs.text.tokenisation import split_text

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


@pytest.fixture(autouse=True)
def no_user_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read neither the user's data folder nor the user's cache."""
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))


def written(folder: Path, name: str, examples: list[tuple[Any, ...]]) -> str:
    """Write examples (text, label) or (text, second text, label) to a file, and return its name for the options."""
    lines = []
    for text, *second, label in examples:
        lines.append(json.dumps({"text": text, "text2": "".join(second), "label": label}))
    (folder / name).write_text("\n".join(lines))
    return f"file:{folder / name}"


def options(data: str, **given: Any) -> WholeTextOptions:
    """Make options, by default without vectors."""
    return WholeTextOptions.model_validate({"name": "text", "vectors": "none", **given, "data": data})


def shown(data: TextData) -> list[str]:
    """Return the texts, decoded from a batch of all."""
    tokens, mask = data.text.batch(torch.arange(len(data.labels)))
    assert (tokens[~mask] == 0).all() and (tokens[mask] > 0).all()
    return [in_words(data, row[real]) for row, real in zip(tokens, mask, strict=True)]


def in_words(data: TextData | DocumentData, numbers: torch.Tensor) -> str:
    """Decode the numbers of words."""
    return " ".join(data.vocabulary.words[number] for number in numbers.tolist())


def check(data: TextData | DocumentData) -> None:
    """Check what holds for every split."""
    assert data.labels.shape == data.lengths.shape
    assert data.labels.dtype == (torch.int64 if data.classes else torch.float32)
    assert (data.lengths > 0).all() and data.lengths.device.type == "cpu"
    assert data.vocabulary.words[:2] == ("<pad>", "<unk>")


def test_one_file_becomes_three_splits(tmp_path: Path) -> None:
    """Each example is in one split with its label, and the test splits of the ten folds are all examples."""
    data = written(tmp_path, "a.jsonl", [(f"word{number}", number % 3) for number in range(100)])
    tested = []
    for fold in range(10):
        splits = [load_text(options(data, fold=fold), split) for split in SPLITS]
        assert [len(split.labels) for split in splits] == [81, 9, 10]
        for split in splits:
            check(split)
            assert split.classes == ("0", "1", "2")
        train, validation, test = splits
        assert [int(text.removeprefix("word")) % 3 for text in shown(train)] == train.labels.tolist()
        # A word of another split alone is unknown.
        assert set(shown(validation) + shown(test)) == {"<unk>"}
        tested += test.labels.tolist()
    assert sorted(tested) == sorted(number % 3 for number in range(100))


def test_parts_in_files_of_their_own(tmp_path: Path) -> None:
    """Then nothing is held out, rows keep their order, and texts are tokenised as the options say."""
    train = written(tmp_path, "a.jsonl", [("It's GOOD, good.", "yes"), ("Bad!", "no")])
    parts = {name: written(tmp_path, f"{name}.jsonl", [(f"good {name}", "yes")]) for name in ("validation", "test")}
    splits = [load_text(options(train, **parts), split) for split in SPLITS]
    assert [shown(split) for split in splits] == [["it 's good , good .", "bad !"], ["good <unk>"], ["good <unk>"]]
    assert splits[0].classes == ("no", "yes") and splits[0].labels.tolist() == [1, 0]
    assert splits[0].vocabulary.words == ("<pad>", "<unk>", "good", "!", "'s", ",", ".", "bad", "it")
    capitals = load_text(options(train, **parts, lower=False, min_count=1, max_words=3), "train")
    assert shown(capitals) == ["It 's GOOD", "Bad !"]
    assert shown(load_text(options(train, **parts, min_count=2), "train"))[1] == "<unk> <unk>"


def test_pairs_and_scores(tmp_path: Path) -> None:
    """Pairs have two lengths, and the range of scores is rounded outwards."""
    data = written(tmp_path, "a.jsonl", [(f"a {'b ' * at}", "c " * (12 - at), 1 + at / 4) for at in range(12)])
    for split in SPLITS:
        pairs = load_text(options(data, text2="text2", labels="scores"), split)
        check(pairs)
        assert pairs.second is not None and pairs.scores is not None and pairs.classes == ()
        assert pairs.scores[0] in (1, 2) and pairs.scores[1] in (3, 4)
        assert pairs.text.lengths.tolist() == [1 + at for at in ((pairs.labels - 1) * 4).tolist()]
        assert pairs.second.lengths.tolist() == [12 - at for at in ((pairs.labels - 1) * 4).tolist()]
        assert pairs.lengths.tolist() == [max(1 + at, 12 - at) for at in ((pairs.labels - 1) * 4).tolist()]
        with pytest.raises(DataError, match="pairs of texts, which cannot be read as documents"):
            load_documents(options(data, text2="text2", labels="scores"), split)


def test_documents_have_sentences(tmp_path: Path) -> None:
    """They are cut to some sentences of some words; `load_text` gives the same words."""
    text = "One two three. Four!<br />Five six? Seven"
    part = written(tmp_path, "b.jsonl", [("x", 0)])
    data = written(tmp_path, "a.jsonl", [(text, 0), ("Eight", 1)])
    given = {"validation": part, "test": part}
    documents = load_documents(options(data, **given), "train")
    check(documents)
    tokens, mask = documents.text.batch(torch.tensor([0, 1]))
    read = [
        [in_words(documents, row[real]) for row, real in zip(*document, strict=True)]
        for document in zip(tokens, mask, strict=True)
    ]
    assert read == [["one two three .", "four !", "five six ?", "seven"], ["eight", "", "", ""]]
    assert shown(load_text(options(data, **given), "train")) == ["one two three . four ! five six ? seven", "eight"]
    cut = load_documents(options(data, **given, max_sentences=3, max_words=2), "train")
    assert cut.text.size(torch.tensor([0, 1])) == (3, 2) and cut.text.size(torch.tensor([1])) == (1, 1)
    first = [in_words(cut, row) for row in cut.text.batch(torch.tensor([0])).tokens[0]]
    assert first == ["one two", "four !", "five six"]


def test_a_users_text_is_read_as_the_data_are(tmp_path: Path) -> None:
    """It is divided into sentences; marks need no spaces before them, even if the data set has them."""
    assert split_text("It isn't. Is it?<br />No", options("sst2")) == [
        ["it", "is", "n't", "."],
        ["is", "it", "?"],
        ["no"],
    ]
    assert split_text("A man's dog, outside.", options("snli-20k")) == [["a", "man", "'s", "dog", "outside"]]
    assert split_text("It", options("mr", lower=False)) == [["It"]]
    assert split_text(" <br /> ", options("mr")) == []


def test_words_have_their_vectors(tmp_path: Path) -> None:
    """Other words have small random numbers that are always the same; padding has zeros."""
    (tmp_path / "v.txt").write_text("good 1 2\nunseen 3 4\nother 5 6\n")
    train = written(tmp_path, "a.jsonl", [("Good strange", 0), ("good", 1)])
    test = written(tmp_path, "b.jsonl", [("unseen hidden", 0)])
    chosen = options(train, validation=test, test=test, vectors=f"file:{tmp_path / 'v.txt'}", lower=False)
    words = load_text(chosen, "test").vocabulary.words
    assert words == ("<pad>", "<unk>", "Good", "good", "strange", "unseen")
    found = load_vectors(chosen)
    assert found is not None
    assert found.given.tolist() == [False, False, True, True, False, True]
    assert found.vectors.dtype == torch.float32 and found.vectors[[2, 3, 5]].tolist() == [[1, 2], [1, 2], [3, 4]]
    assert (found.vectors[0] == 0).all() and 0 < found.vectors[[1, 4]].abs().max() < 0.5
    again = load_vectors(chosen.model_copy(update={"unknown_scale": 1.0}))
    assert again is not None and torch.allclose(again.vectors[1], 10 * found.vectors[1])
    everything = chosen.model_copy(update={"vocabulary": "all"})
    assert load_text(everything, "test").vocabulary.words == (*words, "other")
    assert load_vectors(options(train, validation=test, test=test)) is None


def test_a_split_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tensors are cached, however the file was named and whatever other options there are."""

    class TextEnvironment(WholeTextOptions):
        glimpses: int = 3

    data = written(tmp_path, "a.jsonl", [(f"w{number}", number % 2) for number in range(30)])
    first = load_text(options(data), "train")
    monkeypatch.chdir(tmp_path)
    assert load_text(options("file:a.jsonl"), "train") is first
    assert (
        load_text(TextEnvironment.model_construct(name="text", data=data, vectors="none", glimpses=5), "train") is first
    )
    assert load_text(options(data), "test").vocabulary is first.vocabulary


def test_an_error_is_not_cached(tmp_path: Path) -> None:
    """A file that was mended is read again in the same process."""
    data = written(tmp_path, "a.jsonl", [("a", number % 2) for number in range(9)])
    with pytest.raises(DataError, match="at least ten examples are needed to hold some out as the test part, got 9"):
        load_text(options(data), "train")
    written(tmp_path, "a.jsonl", [("a", number % 2) for number in range(10)])
    assert len(load_text(options(data), "test").labels) == 1


@pytest.mark.parametrize("load", [load_text, load_documents])
def test_a_split_has_one_of_three_names(load: Callable[..., Any]) -> None:
    """Other names are refused, also for documents."""
    with pytest.raises(DataError, match="split must be 'train', 'validation' or 'test', got 'dev'"):
        load(options("mr"), "dev")
