"""The real text data sets, if GLIMPSE_DATA names a folder with them: counts, classes, and words known to GloVe."""

import hashlib
import os
from typing import Literal, get_args

import pytest
import torch

from glimpse.envs.data.glove_files import GLOVE
from glimpse.envs.data.registry import TEXT_SETS
from glimpse.envs.data.sources import SearchPath, find_copies
from glimpse.envs.data.splits import FOLDS
from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.text_data import TextData, load_documents, load_text, load_vectors
from glimpse.envs.text.text_formats import read_text_set
from glimpse.envs.text.tokens import prepare, split_word

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
REAL_DATA = os.environ.get("GLIMPSE_DATA")


def here(name: str) -> bool:
    """Return whether a data set and the vectors are in the data folder."""
    search_path = SearchPath.of(REAL_DATA)
    needed = (TEXT_SETS[name].files or GLOVE, GLOVE)
    return bool(REAL_DATA) and all(find_copies(files, file, search_path) for files in needed for file in files.md5)


def expected_counts(name: str) -> list[int]:
    """Compute the number of examples in each split from the official parts that the registry states."""
    known = TEXT_SETS[name]
    train, validation, test = known.train, known.validation, known.test
    if not test:
        test = -(-train // FOLDS)
        train -= test
    if not validation:
        validation = train // 10
        train -= validation
    return [train, validation, test]


def class_counts(*splits: TextData) -> tuple[int, ...]:
    """Count the examples of each class in some splits together."""
    labels = torch.cat([split.labels for split in splits])
    return tuple(labels.bincount(minlength=len(splits[0].classes)).tolist())


@pytest.mark.parametrize("name", [name for name, known in TEXT_SETS.items() if known.files])
def test_counts_are_those_of_the_registry(name: str) -> None:
    """The counts are those of the literature, and few tokens are unknown to GloVe, so they are divided as its own."""
    if not here(name):
        pytest.skip("no data folder with this data set is named")
    known, options = TEXT_SETS[name], WholeTextOptions(name="text", data=name)
    train, validation, test = (load_text(options, split, root=REAL_DATA) for split in SPLITS)
    assert [len(split.labels) for split in (train, validation, test)] == expected_counts(name)
    assert (train.classes, train.scores) == (known.classes, known.scores)
    if known.class_counts:
        stated = (train, validation) if known.test else (train, validation, test)
        assert class_counts(*stated) == known.class_counts
    if known.test_class_counts:
        assert class_counts(test) == known.test_class_counts
    vectors = load_vectors(options, root=REAL_DATA)
    assert vectors is not None
    for split in (train, validation, test):
        assert split.lengths.min() >= 1
        assert vectors.given[split.text.tokens.long()].float().mean() > known.glove_coverage


def test_relatedness_is_a_score() -> None:
    """Scores of SICK lie between 1 and 5, and the first training pair is the first of the file."""
    if not here("sick-r"):
        pytest.skip("no data folder with this data set is named")
    data = load_text(WholeTextOptions(name="text", data="sick-r"), "train", root=REAL_DATA)
    assert data.scores == (1, 5) and data.labels[:2].tolist() == pytest.approx([4.5, 3.2])
    assert 1 <= data.labels.min() and data.labels.max() <= 5 and data.second is not None
    words = [data.vocabulary.words[number] for number in data.second.batch(torch.tensor([0])).tokens[0].tolist()]
    assert words[:7] == ["a", "group", "of", "boys", "in", "a", "yard"]


def test_human_rationales_are_on_the_right_words() -> None:
    """They are so in texts and in documents, whose sentences are the lines of the file."""
    if not here("eraser-movies"):
        pytest.skip("no data folder with this data set is named")
    options = WholeTextOptions(name="text", data="eraser-movies")
    data, documents = (load(options, "train", root=REAL_DATA) for load in (load_text, load_documents))
    assert data.evidence is not None and documents.evidence is not None
    assert torch.equal(data.evidence, documents.evidence)
    first = torch.tensor([0])
    words = data.text.batch(first).tokens[data.text.batch_of(data.evidence, first)]
    text = " ".join(data.vocabulary.words[number] for number in words.tolist())
    for span in ("mind - fuck movie", "the sad part is", 'downshifts into this " fantasy " world'):
        assert span in text
    sentence = documents.text.batch(first)
    line = sentence.tokens[0, 4][sentence.mask[0, 4]].tolist()
    assert " ".join(data.vocabulary.words[number] for number in line) == 'watch the movie and " sorta " find out . . .'


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("sst2", "0f46dc8c4bdf2f22"),
        ("trec", "5e8deb859e5b8156"),
        ("mr", "7286b731673a977f"),
        ("agnews-10k", "2dee8b7b295b86b8"),
    ],
)
def test_english_tokens_are_those_of_published_results(name: str, digest: str) -> None:
    """The words of training are divided as they were in the first release."""
    if not here(name):
        pytest.skip("no data folder with this data set is named")
    texts = read_text_set(name, SearchPath.of(REAL_DATA)).train.text
    words = sorted({word for text in texts for word in prepare(text, True).split()})
    tokens = "\n".join(" ".join(split_word(word)) for word in words)
    assert hashlib.sha256(tokens.encode()).hexdigest()[:16] == digest
