"""The registry of data sets: a new entry is listed, validated, loaded and used with no change elsewhere."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.cli.data_sets import list_data, verify
from glimpse.envs.data.data_set import DataSet, ImageSet, ParallelSet, QuestionSet, TextSet
from glimpse.envs.data.registry import BOXED_SETS, DATA_SETS, IMAGE_SETS, PARALLEL_SETS, QUESTION_SETS, TEXT_SETS
from glimpse.envs.data.sources import FileSet, SearchPath
from glimpse.envs.entry_points import add_entry_points
from glimpse.envs.images.labelled_images import Pictures
from glimpse.envs.make_batched import make_batched_env
from glimpse.envs.text.rows import Rows

STRIPES = ImageSet(
    classes=("rows", "columns"), train=20, test=4, size=(6, 6), origin="is drawn", read=f"{__name__}:read_stripes"
)
LINE = "good\ta fine film\n"
ONE_LINE = TextSet(
    example="sentence",
    classes=("bad", "good"),
    train=1,
    validation=1,
    test=1,
    files=FileSet("one-line", {"texts.tsv": hashlib.md5(LINE.encode()).hexdigest()}),
    read=f"{__name__}:read_one_line",
)


def read_stripes(known: ImageSet, part: str, search_path: SearchPath, *, download: bool) -> Pictures:
    """Draw stripes, of which every other image has rows."""
    rows = np.zeros(known.size, np.uint8)
    rows[::2] = 255
    labels = np.arange(known.train if part == "train" else known.test) % 2
    return Pictures(np.stack([rows.T if label else rows for label in labels])[:, None], labels, known.classes)


def read_one_line(files: Mapping[str, str], classes: Sequence[str]) -> tuple[Rows, Rows, Rows]:
    """Read one labelled text as each of the three parts."""
    label, text = files["texts.tsv"].removesuffix("\n").split("\t")
    rows = Rows([text], np.array([classes.index(label)]))
    return rows, rows, rows


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the file of `one-line`, which is registered, as `stripes` is."""
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(DATA_SETS, "stripes", STRIPES)
    monkeypatch.setitem(DATA_SETS, "one-line", ONE_LINE)
    (tmp_path / "one-line").mkdir()
    (tmp_path / "one-line" / "texts.tsv").write_text(LINE)
    return tmp_path


def test_four_kinds_divide_the_registry() -> None:
    """Each data set is of one kind, and the order is the registry's."""
    assert [*IMAGE_SETS, *BOXED_SETS, *TEXT_SETS, *PARALLEL_SETS, *QUESTION_SETS] == list(DATA_SETS)
    assert {"mnist", "sst2", "multi30k"} <= DATA_SETS.keys()
    assert isinstance(PARALLEL_SETS["multi30k"], ParallelSet)
    assert "sst2" not in IMAGE_SETS and IMAGE_SETS.get("nothing") is None and len(PARALLEL_SETS) == 1


def test_new_sets_are_listed_and_verified(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`glimpse data` needs no change for them."""
    list_data(str(data))
    printed = capsys.readouterr().out
    stripes, line = (
        next(row for row in printed.splitlines() if f" {name} " in row) for name in ("stripes", "one-line")
    )
    assert "20 + 4" in stripes and "6 x 6" in stripes and "is drawn" in stripes
    assert "1 + 1 + 1" in line and "2 classes" in line and str(data) in line
    verify(["stripes", "one-line"], str(data))
    assert capsys.readouterr().out.splitlines() == [
        "stripes: ok, 20 + 4 images of 1 x 6 x 6, 2 classes",
        f"{data}/one-line/texts.tsv: ok",
    ]


@pytest.mark.parametrize(
    ("name", "options", "classes"),
    [
        ("images", {"data": "stripes", "retina": {"patch": 3}}, ("rows", "columns")),
        ("text", {"data": "one-line", "vectors": "none"}, ("bad", "good")),
        ("skim", {"data": "one-line", "vectors": "none"}, ("bad", "good")),
    ],
)
def test_new_sets_are_used_by_environments(
    name: str, options: dict[str, Any], classes: tuple[str, ...], data: Path
) -> None:
    """An environment resets with an example of theirs."""
    env = make_batched_env(name, split="test", data_root=str(data), **options)
    example = torch.zeros(1, dtype=torch.int64)
    env.reset(example, example)
    assert env.label.item() == int(name != "images")


@pytest.mark.parametrize(("name", "options"), [("images", {"data": "one-line"}), ("text", {"data": "stripes"})])
def test_a_set_of_another_kind_is_refused(name: str, options: dict[str, Any], data: Path) -> None:
    """Images are not texts."""
    with pytest.raises(ValueError, match="There is no .*data set"):
        make_batched_env(name, split="test", data_root=str(data), **options)


def test_entry_points_name_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package's entry is added under its name; a broken one is left out with a warning."""

    def found(value: str) -> list[EntryPoint]:
        return [EntryPoint("theirs", value, "glimpse.data")]

    registry: dict[str, DataSet] = {}
    monkeypatch.setattr("glimpse.envs.entry_points.entry_points", lambda group: found(f"{__name__}:STRIPES"))
    add_entry_points(registry, "glimpse.data", DataSet)
    assert registry == {"theirs": STRIPES}
    for value, problem in (("LINE", "TypeError: expected an instance of DataSet"), ("NOTHING", "AttributeError")):
        monkeypatch.setattr("glimpse.envs.entry_points.entry_points", lambda group, v=value: found(f"{__name__}:{v}"))
        with pytest.warns(UserWarning, match=f"entry point 'theirs' .* is left out: {problem}"):
            add_entry_points(registry, "glimpse.data", DataSet)
    assert registry == {"theirs": STRIPES}


def test_each_set_has_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    """Every set says under which licence its data are, and those of files also what to be wary of."""
    shipped = [known for known in DATA_SETS.values() if type(known) in (ImageSet, TextSet, ParallelSet, QuestionSet)]
    assert len(shipped) > 20 and all(known.licence != "not stated" for known in shipped)
    assert all(known.cautions.endswith(".") for known in shipped if known.files)
    list_data(None)
    assert "CC BY 4.0: digits" in capsys.readouterr().out


@pytest.mark.parametrize("name", DATA_SETS)
def test_what_is_generated_has_no_files(name: str) -> None:
    """Data sets that are made from a seed are known as such; others have files, or another origin."""
    entry = DATA_SETS[name]
    assert entry.is_generated == (entry.files is None and "seed" in entry.origin)
    assert not (entry.is_generated and name in ("mnist", "digits", "trec", "multi30k"))


def test_planted_texts_are_generated() -> None:
    """Their rationales are known, and nobody marked them."""
    assert all(TEXT_SETS[name].is_generated for name in ("planted", "planted-pairs", "numbers"))
