"""Columns of labels: classes, scores, and several labels divided by |."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.envs.core import count_labels, named_labels
from glimpse.envs.errors import DataError
from glimpse.envs.text.options import SelectOptions, SkimOptions, WholeTextOptions
from glimpse.envs.text.text_meaning import TextMeaning
from glimpse.envs.text.user_file import read_user_files, read_user_split
from glimpse.envs.text.whole_text import WholeText

ROWS = ["one,b|a", 'two,""', "three,a", "four, c | a ", "five,a|a", "six,b"]


def options(path: Path, rows: list[str], **given: Any) -> WholeTextOptions:
    """Write a table and return options that name it."""
    (path / "t.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    file = f"file:{path / 't.csv'}"
    parts = {"data": file, "validation": file, "test": file, "vectors": "none"}
    return WholeTextOptions.model_validate({"name": "text", "labels": "many", **parts, **given})


def test_several_labels(tmp_path: Path) -> None:
    """Labels are sorted names, an empty cell has none of them, and one that is repeated counts once."""
    parts = read_user_files(options(tmp_path, ROWS))
    assert parts.classes == ("a", "b", "c")
    marks = [[1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert parts.train.label.tolist() == marks
    assert parts.train.take(parts.train.label[:, 1].nonzero()[0]).text == ["one", "six"]


def test_whole_numbers_are_sorted_as_numbers(tmp_path: Path) -> None:
    """As names of classes are."""
    assert read_user_files(options(tmp_path, ["one,10|9", "two,2"])).classes == ("2", "9", "10")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["one,a||b", "two,a"], r"line 2 \(row 1\): there is an empty label in 'a\|\|b'. Divide labels by one \| each"),
        (["one,a|", "two,b"], "empty label"),
        (['one,""', 'two,""'], "no labels at all: there is nothing to tell apart"),
        (["one,a|b", "two,b|a"], r"the same labels in every row, 'a\|b': there is nothing to tell apart"),
        ([",a", "two,b"], "column 'text' is empty"),
    ],
)
def test_what_is_no_label_is_named(rows: list[str], message: str, tmp_path: Path) -> None:
    """In one line, with the row."""
    with pytest.raises(DataError, match=message):
        read_user_files(options(tmp_path, rows))


def test_a_list_in_json_is_refused(tmp_path: Path) -> None:
    """With what to write instead."""
    (tmp_path / "t.jsonl").write_text('{"text": "one", "label": ["a", "b"]}\n')
    with pytest.raises(DataError, match=r"got a list or an object\. Join labels by \|\."):
        read_user_files(options(tmp_path, ROWS, data=f"file:{tmp_path / 't.jsonl'}"))


def test_a_run_keeps_its_labels(tmp_path: Path) -> None:
    """Other data have the run's columns; an unknown label, and labels of another kind, are refused."""
    task = options(tmp_path, ROWS)
    env = WholeText(task, WholeText.load_data(task, "train"))
    meaning = env.meaning()
    assert (meaning.labels, meaning.classes, meaning.label_kind_name) == ("many", ("a", "b", "c"), "many")
    again = TextMeaning.model_validate_json(meaning.model_dump_json())
    assert again == meaning and again.kind.no_labels(2).tolist() == [[0, 0, 0]] * 2
    other = options(tmp_path, ["one,c", "two,b"])
    assert read_user_split(other, "test", meaning).label.tolist() == [[0, 0, 1], [0, 1, 0]]
    with pytest.raises(DataError, match="class 'd' is none of the run's classes"):
        read_user_split(options(tmp_path, ["one,c|d"]), "test", meaning)
    kinds = "the labels of .* are read as classes .* of the run are many: set task.labels=many"
    with pytest.raises(DataError, match=kinds):
        read_user_split(options(tmp_path, ["one,c"], labels="classes"), "test", meaning)
    found = meaning.model_copy(update={"labels": "one"})
    assert meaning.contradiction(found) == "the labels of an example are one, and those of the run are many"


def test_the_environment_of_several_labels(tmp_path: Path) -> None:
    """Its reward is the share of labels that are rightly given or left out, and its label is a bit for each."""
    task = options(tmp_path, ROWS)
    env = WholeText(task, WholeText.load_data(task, "train"))
    env.reset(torch.tensor([0, 1, 3]), torch.arange(3))
    assert env.label.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 1]] and env.many and env.answers == 1
    result = env.step({"labels": torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 0]])})
    assert result.reward.tolist() == pytest.approx([1.0, 0.0, 2 / 3])
    assert env.class_counts() == {"a": 4, "b": 2, "c": 1}


def test_labels_are_counted_and_named() -> None:
    """Each label counts; two numberings of the same labels are named alike."""
    labels = torch.tensor([[1, 0, 1], [1, 0, 0]])
    assert count_labels(labels, ("z", "y", "x")) == {"z": 2, "y": 0, "x": 1}
    names, there = named_labels(labels, ("z", "y", "x"))
    assert (names, there.tolist()) == (["x", "z"], [[1, 1], [0, 1]])
    others = named_labels(labels[:, [2, 0]], ("x", "z"))
    assert others[0] == names and torch.equal(others[1], there)


@pytest.mark.parametrize("model", [SkimOptions, SelectOptions])
def test_environments_that_ask_for_classes_refuse_others(model: Any) -> None:
    """In their options, before any data are read."""
    name = "skim" if model is SkimOptions else "sentence-select"
    for labels in ("scores", "many"):
        with pytest.raises(ValueError, match=f"should be 'classes' because task.name is '{name}' .got '{labels}'"):
            model.model_validate({"name": name, "data": "file:t.csv", "labels": labels})


@pytest.mark.parametrize("labels", ["scores", "many"])
def test_weights_of_classes_are_for_classes(labels: str) -> None:
    """They mean nothing for other labels."""
    with pytest.raises(ValueError, match=rf"applies to `labels: classes` only \(task.labels is '{labels}'\)"):
        WholeTextOptions.model_validate(
            {"name": "text", "data": "file:t.csv", "labels": labels, "class_weights": "balanced"}
        )
