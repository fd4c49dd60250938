"""The real data sets, where a data folder is named: counts, classes, traps, and the words that GloVe knows."""

import os
from typing import Literal, get_args

import pytest
import torch

from glimpse.envs.data.sources import Places, copies
from glimpse.envs.text.options import TextOptions
from glimpse.envs.text.text_data import TextData, load_documents, load_text, load_vectors
from glimpse.envs.text.text_sets import GLOVE, TEXT_SETS

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
REAL_DATA = os.environ.get("GLIMPSE_DATA")


def here(name: str) -> bool:
    """Whether a data set and the vectors are in the data folder."""
    places = Places.of(REAL_DATA)
    needed = (TEXT_SETS[name].files or GLOVE, GLOVE)
    return bool(REAL_DATA) and all(copies(files, file, places) for files in needed for file in files.md5)


# Number of examples of each split, and of each class in training and validation together, and in test.
COUNTS: dict[str, tuple[list[int], list[int], list[int]]] = {
    "sst2-phrases": ([77616, 872, 1821], [34944 + 428, 42672 + 444], [912, 909]),
    "sst5": ([8544, 1101, 2210], [1231, 2507, 1853, 2601, 1453], [279, 633, 389, 510, 399]),
    "trec": ([4907, 545, 500], [86, 1162, 1250, 1223, 835, 896], [9, 138, 94, 65, 81, 113]),
    "mr": ([8636, 959, 1067], [], []),
    "subj": ([8100, 900, 1000], [], []),
    "sick-e": ([4500, 500, 4927], [1299 + 144, 2536 + 282, 665 + 74], [1414, 2793, 720]),
    "snli-20k": ([20000, 9842, 9824], [], [3368, 3219, 3237]),
    "agnews-10k": ([9001, 1000, 7600], [], [1900] * 4),
    "eraser-movies": ([1600, 200, 199], [900, 900], [100, 99]),
}


def classes(*splits: TextData) -> list[int]:
    """How often each class comes."""
    labels = torch.cat([split.labels for split in splits])
    return labels.bincount(minlength=len(splits[0].classes)).tolist()


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_official_ones(name: str) -> None:
    """Those that the literature gives; and few words are unknown to GloVe, so the tokens are its own."""
    if not here(name):
        pytest.skip("no data folder with this data set is named")
    options = TextOptions(data=name)
    train, validation, test = (load_text(options, split, root=REAL_DATA) for split in SPLITS)
    counts, in_training, in_test = COUNTS[name]
    assert [len(split.labels) for split in (train, validation, test)] == counts
    assert classes(train, validation) == in_training or not in_training
    assert classes(test) == in_test or not in_test
    if not TEXT_SETS[name].test:
        assert sum(counts) == TEXT_SETS[name].train and max(classes(train, validation, test)) * 2 == sum(counts)
    vectors = load_vectors(options, root=REAL_DATA)
    assert vectors is not None
    for split in (train, validation, test):
        assert split.lengths.min() >= 1
        assert vectors.given[split.text.tokens.long()].float().mean() > (0.95 if name == "agnews-10k" else 0.985)


def test_relatedness_is_a_score() -> None:
    """From 1 to 5; the first training pair is the file's."""
    if not here("sick-r"):
        pytest.skip("no data folder with this data set is named")
    data = load_text(TextOptions(data="sick-r"), "train", root=REAL_DATA)
    assert data.scores == (1, 5) and data.labels[:2].tolist() == pytest.approx([4.5, 3.2])
    assert 1 <= data.labels.min() and data.labels.max() <= 5 and data.second is not None
    words = [data.vocabulary.words[number] for number in data.second.batch(torch.tensor([0])).tokens[0].tolist()]
    assert words[:7] == ["a", "group", "of", "boys", "in", "a", "yard"]


def test_evidence_is_what_people_marked() -> None:
    """In texts and in documents, whose sentences are the file's lines."""
    if not here("eraser-movies"):
        pytest.skip("no data folder with this data set is named")
    options = TextOptions(data="eraser-movies")
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
