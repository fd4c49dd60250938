"""Tables of pictures: which pictures and labels are in which split, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import load_images
from glimpse.envs.images.options import DigitPairOptions
from glimpse.envs.images.picture_meaning import PictureMeaning
from glimpse.envs.images.picture_table import load_picture_table

SCORES = {"labels": "scores", "retina": {"patch": 3}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make twenty pictures whose grey is their number, in a folder beside their tables."""
    (tmp_path / "own").mkdir()
    for number in range(20):
        Image.new("L", (8, 8), number).save(tmp_path / "own" / f"{number}.png")
    return tmp_path


def write(folder: Path, name: str, labels: list[Any], first: int = 0, head: str = "file,label\n") -> str:
    """Write a table of pictures, from the first one on; return it as the options name it."""
    rows = "".join(f"own/{first + number}.png,{label}\n" for number, label in enumerate(labels))
    (folder / name).write_text(head + rows)
    return f"file:{folder / name}"


def options(data: str, **given: Any) -> ClassificationOptions:
    """Return options of a table."""
    return ClassificationOptions.model_validate({"name": "images", "data": data, **given})


def test_three_tables_are_three_splits(folder: Path) -> None:
    """Pictures are in their order, scores as they are; the range is that of training, rounded outwards."""
    data = write(folder, "train.csv", [0.5, 1.5, 3.25])
    parts = {"validation": write(folder, "v.csv", [9], 7), "test": write(folder, "t.csv", [-1, 2], 8)}
    task = options(data, labels="scores", **parts)
    train, validation, test = (load_picture_table(task, split, None) for split in ("train", "validation", "test"))
    assert train.labels.tolist() == [0.5, 1.5, 3.25] and train.labels.dtype == torch.float32
    assert (train.classes, train.scores) == ((), (0.0, 4.0)) == (test.classes, validation.scores)
    assert [data.images[:, 0, 0, 0].tolist() for data in (train, validation, test)] == [[0, 1, 2], [7], [8, 9]]
    assert validation.labels.tolist() == [9.0] and test.labels.tolist() == [-1.0, 2.0]


def test_parts_are_held_out_of_one_table(folder: Path) -> None:
    """Each picture is in one split, a tenth of them in the test split and one of the other 18 in validation."""
    task = options(write(folder, "a.csv", ["cat", "owl"] * 10))
    splits = [load_picture_table(task, split, None) for split in ("train", "validation", "test")]
    greys = [set(split.images[:, 0, 0, 0].tolist()) for split in splits]
    assert [len(grey) for grey in greys] == [17, 1, 2] and set.union(*greys) == set(range(20))
    for split in splits:
        assert split.classes == ("cat", "owl")
        assert split.labels.tolist() == [int(grey) % 2 for grey in split.images[:, 0, 0, 0]]


def test_columns_may_be_numbered(folder: Path) -> None:
    """A table without a header, and labels divided by |."""
    file = folder / "n.tsv"
    file.write_text("".join(f"x\t{'|'.join('ab'[: n % 3])}\town/{n}.png\n" for n in range(6)))
    named = f"file:{file}"
    task = options(named, validation=named, test=named, picture=2, label=1, labels="many")
    assert load_picture_table(task, "test", None).labels.tolist() == [[0, 0], [1, 0], [1, 1]] * 2


def test_a_run_reads_other_tables(folder: Path) -> None:
    """Labels have the run's columns and scores its range; other kinds, labels and sizes are refused."""
    many = PictureMeaning(classes=("a", "b"), labels="many", shape=(1, 8, 8))
    data = write(folder, "m.csv", ["b", "", "b|a"])
    task = options(data, validation=data, test=data, labels="many")
    assert load_picture_table(task, "test", many).labels.tolist() == [[0, 1], [0, 0], [1, 1]]
    assert load_picture_table(task, "train", None).labels.tolist() == [[0, 1], [0, 0], [1, 1]]
    scores = PictureMeaning(scores=(0.0, 9.0), shape=(1, 8, 8))
    with pytest.raises(DataError, match="are read as many .* of the run are scores: set task.labels=scores"):
        load_picture_table(task, "test", scores)
    with pytest.raises(DataError, match="the labels of digits are read as classes .* of the run are scores"):
        load_images("digits", "test", meaning=scores)
    with pytest.raises(DataError, match="class 'a' is none of the run's classes"):
        load_picture_table(task, "test", many.model_copy(update={"classes": ("b", "c")}))
    with pytest.raises(DataError, match="the run has pictures of 4 x 4 pixels"):
        load_picture_table(task, "test", many.model_copy(update={"shape": (1, 4, 4)}))


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (
            ["own/0.png,1", "own/none.png,2"],
            "scores",
            r"line 3 \(row 2\): there is no picture 'own/none.png'. Paths beg",
        ),
        (["own/0.png,1", "own/1.png,x"], "scores", "a score should be a finite number, got 'x'"),
        (["own/0.png,1", "own/1.png,1"], "scores", "one label alone, '1': there is nothing to tell apart"),
        (["own/0.png,0", "own/1.png,2000"], "scores", "has scores from 0 to 2000"),
        (["own/0.png,", "own/1.png,a"], "classes", "column 'label' is empty"),
        (["own/0.png,a||b", "own/1.png,a"], "many", "there is an empty label"),
    ],
)
def test_faulty_rows_are_named(rows: list[str], labels: str, message: str, folder: Path) -> None:
    """In one line, with the row and what to do."""
    (folder / "f.csv").write_text("\n".join(["file,label", *rows]) + "\n")
    data = f"file:{folder / 'f.csv'}"
    with pytest.raises(DataError, match=message):
        load_picture_table(options(data, validation=data, test=data, labels=labels), "train", None)


def test_a_missing_column_names_the_options(folder: Path) -> None:
    """Those of pictures, not of texts."""
    data = write(folder, "c.csv", [1, 2], head="path,label\n")
    with pytest.raises(
        DataError, match="no column 'file'; its columns are: path, label. Name them by task.picture=COLUMN and"
    ):
        load_picture_table(options(data), "train", None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": "mnist", "labels": "scores"}, "applies to `task.data=file:TABLE` only"),
        ({"data": "folder:x", "labels": "many"}, "applies to `task.data=file:TABLE` only"),
        ({"data": "folder:x", "picture": "path"}, "applies to `task.data=file:TABLE` only"),
        ({"data": "folder:x", "validation": "file:y.csv"}, "applies to `task.data=file:TABLE` only"),
        ({"data": "folder:x", "test": "file:y.csv"}, "applies to `task.data=file:TABLE` only"),
        ({"data": "file:x.csv", "validation": "folder:y"}, "applies to other data than `file:TABLE` only"),
        ({"data": "file:x.csv", "picture": 0}, "should be a number, as `picture` is"),
        ({"data": "x.csv"}, "should be file:x.csv for a table of your own"),
        ({"data": "file:x.csv", "labels": "scores", "class_weights": "balanced"}, "applies to `labels: classes` only"),
    ],
)
def test_options_that_do_not_fit_are_refused(given: dict[str, Any], message: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=message):
        ClassificationOptions.model_validate({"name": "images", **given})


def test_pairs_of_digits_take_no_table() -> None:
    """Their labels are digits."""
    with pytest.raises(ValueError, match="data set"):
        DigitPairOptions.model_validate({"name": "digit-pair", "data": "file:x.csv"})


def test_scores_are_rewarded_at_the_end(folder: Path) -> None:
    """Of a range of 4 an error of 1 costs a quarter, and the label is a score of the environment's space."""
    data = write(folder, "s.csv", [0, 1, 4])
    task = options(data, validation=data, test=data, glimpses=2, **SCORES)
    env = Classification(task, load_picture_table(task, "train", None))
    env.reset(torch.tensor([0, 2]), torch.arange(2))
    look = torch.zeros(2, 2)
    first = env.step({"look": look, "score": torch.tensor([0.0, 3.0])})
    last = env.step({"look": look, "score": torch.tensor([0.0, 3.0])})
    assert first.reward.tolist() == [0, 0] and last.reward.tolist() == [1.0, 0.75]
    assert env.label.tolist() == [0.0, 4.0] and env.meaning().scores == (0.0, 4.0) and env.class_counts() == {}
    each = Classification(task.model_copy(update={"reward": "each_step"}), load_picture_table(task, "train", None))
    each.reset(torch.tensor([2]), torch.arange(1))
    assert each.step({"look": look[:1], "score": torch.tensor([3.0])}).reward.tolist() == [0.375]
    with pytest.raises(ValueError, match="neither right nor wrong"):
        env.wrong(torch.zeros(1, 1, 5), env.label)


def test_labels_are_repeated_for_copies(folder: Path) -> None:
    """Each copy has all labels of its picture, also in lanes that begin anew."""
    data = write(folder, "k.csv", ["a", "b", "a|b"])
    task = options(data, validation=data, test=data, labels="many", retina={"patch": 3})
    env = Classification(task, load_picture_table(task, "train", None))
    env.reset(torch.tensor([0, 2]), torch.arange(2), copies=2)
    assert env.label.tolist() == [[1, 0], [1, 0], [1, 1], [1, 1]]
    env.reset(torch.tensor([0, 2]), torch.arange(2))
    env.reset_lanes(torch.tensor([0]), torch.tensor([1]), torch.tensor([5]))
    assert env.label.tolist() == [[0, 1], [1, 1]]
