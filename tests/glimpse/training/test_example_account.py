"""Tests of the account of a training's examples: classes, splits, and what looks wrong."""

import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.envs.data.fingerprints import fingerprints_of_rows, fingerprints_of_sequences
from glimpse.training.example_account import describe_examples, describe_parts


class Counted:
    """Environment of which only the examples matter."""

    def __init__(self, counts: dict[str, int], keys: list[int] | None = None) -> None:
        """Give classes their numbers of examples, and examples their fingerprints."""
        self.counts = counts
        labels = torch.tensor([number for number, count in enumerate(counts.values()) for _ in range(count)])
        self.found = torch.arange(len(labels)) if keys is None else torch.tensor(keys), labels

    def class_counts(self) -> dict[str, int]:
        """Return the numbers."""
        return self.counts

    def fingerprints(self) -> Any:
        """Return fingerprints and labels."""
        return self.found


def test_classes_are_counted_by_split() -> None:
    """Few classes are counted one by one, many by their range."""
    (line,) = describe_examples(Counted({"no": 400, "yes": 300}), Counted({"no": 40, "yes": 30}), own=False)
    assert line == "2 classes: train 700 (400 no, 300 yes), validation 70 (40 no, 30 yes)"
    many = {str(number): 10 + number for number in range(10)}
    (line,) = describe_examples(Counted(many), Counted(many), own=False)
    assert line.startswith("10 classes: train 145 (10 to 19 of a class), validation 145")


def test_the_parts_of_own_data_are_counted() -> None:
    """Each split has its number, and what was held out of training is said, with what to type for other parts."""
    parts = {"train": 1620, "validation": 180, "test": 200}
    assert describe_parts(parts, "file:texts.csv", ()) == "1,620 / 180 / 200 examples for training, validation, test"
    assert describe_parts(parts, "file:texts.csv", ("validation", "test")) == (
        "1,620 / 180 / 200 examples for training, validation, test; validation and test were held out of training "
        "(task.validation=file:PATH and task.test=file:PATH name others)"
    )
    assert describe_parts({"train": 36, "validation": 4}, "folder:photos", ("validation",)) == (
        "36 / 4 examples for training, validation; validation was held out of training "
        "(task.validation=folder:PATH names others)"
    )


def test_what_is_held_out_depends_on_the_data(tmp_path: Path) -> None:
    """Known data sets have their own parts; a table lacks two, a folder of pictures one, if it has no folder of it."""
    (tmp_path / "train").mkdir()
    folder = f"task.data=folder:{tmp_path}"
    given = "task.validation=file:b.csv"
    assert held_out("mnist-ram") == () and held_out("trec-lstm") == ()
    assert held_out("trec-lstm", "task.data=file:a.csv") == ("validation", "test")
    assert held_out("trec-lstm", "task.data=file:a.csv", given) == ("test",)
    assert held_out("multi30k-bahdanau", "task.data=file:a") == ("validation",)
    assert held_out("mnist-ram", folder) == ("validation",)
    assert held_out("mnist-ram", folder, "task.validation=folder:b") == ()
    (tmp_path / "val").mkdir()
    assert held_out("mnist-ram", folder) == ()


def held_out(config: str, *overrides: str) -> tuple[str, ...]:
    """Return which parts of a config's data are held out of training."""
    return load_experiment(config, overrides).task.held_out


def test_several_labels_are_counted_each() -> None:
    """Beside the number of examples, of which one may have several labels; equal ones may differ in a label."""
    one, two = Counted({"cat": 3, "dog": 1}), Counted({"cat": 1, "dog": 0})
    one.found = torch.tensor([7, 7, 8]), torch.tensor([[1, 0], [1, 1], [1, 0]])
    vars(one).update(many=True, examples=3)
    vars(two).update(many=True, examples=2)
    lines = describe_examples(one, two, two, own=True)
    assert lines[0] == "2 labels: train 3 (3 cat, 1 dog), validation 2 (1 cat, 0 dog)"
    assert lines[1] == "warning: no validation example has the label 'dog'"
    assert lines[-1].endswith("2 of 3 training examples are equal to one that has another label")


def test_classes_that_look_like_several_labels_are_named() -> None:
    """They are classes of their own unless the task says otherwise."""
    counts = {"war": 20, "drama": 20, "drama|war": 20}
    lines = describe_examples(Counted(counts), Counted(counts), Counted({}, []), own=True)
    assert (
        "warning: the class 'drama|war' is taken as one: if an example may have several labels, set task.labels=many"
        in (lines)
    )
    assert not any("taken as one" in line for line in describe_examples(Counted(counts), Counted(counts), own=False))


@pytest.mark.parametrize(
    ("train", "validation", "warning"),
    [
        (
            {"Negative": 50, "negative": 60},
            {"Negative": 5, "negative": 5},
            "'Negative', 'negative' differ in letter",
        ),
        ({"so so": 50, "soso": 60}, {"so so": 5, "soso": 5}, "'so so', 'soso' differ in letter case or spaces"),
        ({"bad": 400, "fair": 40, "good": 400}, {"bad": 4, "fair": 1, "good": 4}, "few of the 840 .*'fair' \\(40\\)"),
        ({"a": 50, "b": 50}, {"a": 5, "b": 0}, "no validation example has the class 'b'"),
        ({"a": 50, "b": 0}, {"a": 5, "b": 1}, "no train example has the class 'b'"),
    ],
)
def test_odd_classes_are_named(train: dict[str, int], validation: dict[str, int], warning: str) -> None:
    """Each oddity is one line, and ordinary classes have none."""
    lines = describe_examples(Counted(train), Counted(validation), own=False)
    assert len(lines) == 2 and re.search(f"^warning: .*{warning}", lines[1]), lines


def test_equal_examples_are_found_in_own_data() -> None:
    """Examples of another split that train too, and equal ones with other labels, are counted; only in own data."""
    train = Counted({"a": 3, "b": 2}, [1, 2, 3, 3, 4])
    validation, test = Counted({"a": 1, "b": 2}, [9, 3, 1]), Counted({"a": 1, "b": 1}, [4, 8])
    assert len(describe_examples(train, validation, test, own=False)) == 1
    assert describe_examples(train, validation, test, own=True)[1:] == [
        "warning: 2 of 3 validation examples are also in train: their error will be too low",
        "warning: 1 of 2 test examples are also in train: their error will be too low",
        "warning: 2 of 5 training examples are equal to one that has another label",
    ]


def test_fingerprints_tell_rows_and_sequences() -> None:
    """Equal ones have equal numbers, wherever they stand; others, also permuted or longer ones, have others."""
    rows = torch.tensor([[1, 2, 3], [1, 3, 2], [1, 2, 3]], dtype=torch.uint8)
    first, second, third = fingerprints_of_rows(rows).tolist()
    assert first == third != second
    texts = [[5, 6], [6, 5], [5, 6], [5], [5, 6, 0], []]
    offsets = torch.tensor([0, *map(len, texts)]).cumsum(0)
    found = fingerprints_of_sequences(torch.tensor(sum(texts, [])), offsets).tolist()
    assert found[0] == found[2] and len(set(found)) == 5
    drawn = random.Random(0)
    many = {tuple(drawn.choices(range(50), k=drawn.randint(1, 9))) for _ in range(5000)}
    offsets = torch.tensor([0, *map(len, many)]).cumsum(0)
    tokens = torch.tensor([token for text in many for token in text])
    assert fingerprints_of_sequences(tokens, offsets).unique().numel() == len(many)


def test_training_on_own_data_says_what_looks_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table whose texts come again, and a folder with a rare class, are noted before training."""
    table = tmp_path / "films.csv"
    rows = [
        f"the film was {word} {number % 40},{label}"
        for word, label in (("good", "yes"), ("bad", "No"), ("sad", "no"))
        for number in range(80)
    ]
    table.write_text("text,label\n" + "\n".join(rows) + "\n")
    small = ["threads=1", "track.mode=disabled", "train.steps=1", "train.batch=4"]
    run = ["--run", str(tmp_path / "run")]
    assert main(["train", "sst2-gru", f"task.data=file:{table}", "task.vectors=none", *small, *run]) == 0
    out = capsys.readouterr().out
    assert "on films.csv: 195" in out and "3 classes: train" in out
    assert "'No', 'no' differ in letter case" in out and "validation examples are also in train" in out
    for part in ("train", "test"):
        for name, count in (("cat", 40), ("owl", 2)):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            for number in range(count):
                Image.new("L", (8, 8), number + 60 * (part == "test")).save(
                    tmp_path / "pets" / part / name / f"{number}.png"
                )
    run = ["--run", str(tmp_path / "pictures")]
    assert main(["train", "digits-ram", "task.name=images", f"task.data=folder:{tmp_path / 'pets'}", *small, *run]) == 0
    out = capsys.readouterr().out
    assert "ram on images, pets" in out and "have the class 'owl' (" in out
    assert "equal to one that has another label" in out


def test_the_first_training_on_texts_without_spaces_names_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says which option to set; with it, and in English, nothing is said."""
    good, bad = "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b\u3002", "\u592a\u5dee\u4e86\uff0c\u4e0d\u8981\u770b\u3002"
    (tmp_path / "zh.csv").write_text("text,label\n" + f"{good},yes\n{bad},no\n" * 30, encoding="utf-8")
    (tmp_path / "en.csv").write_text("text,label\n" + "the film was good,yes\nnever see it,no\n" * 30)
    small = ["threads=1", "track.mode=disabled", "task.vectors=none", "train.steps=1", "train.batch=4"]
    for number, (name, given, said) in enumerate(
        [("zh", [], 1), ("zh", ["task.tokens=characters"], 0), ("zh", ["task.min_count=99"], 1), ("en", [], 0)]
    ):
        run = ["--run", str(tmp_path / f"run{number}")]
        assert main(["train", "sst2-gru", f"task.data=file:{tmp_path / name}.csv", *small, *given, *run]) == 0
        assert capsys.readouterr().out.count("set task.tokens=characters") == said
