"""Reader of people's clicks, the digits that they saw, and `task.exclude`."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from glimpse.cli.command_line import main
from glimpse.envs.errors import DataError
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.human_glimpses import RIGHT_AFTER, load_human_glimpses
from glimpse.envs.images.shown_digits import load_shown_digits
from glimpse.envs.make_batched import make_batched_env
from tests.made_up_people import SHOWN, install_people, sequence, usual_sequences

REAL_DATA = os.environ.get("GLIMPSE_DATA")
CLICKS = [(12, 14), (0, 0), (25, 27), *[(10, 10)] * 9]


def test_a_sequence_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are called x; a window is around two rows below the click: (12, 14) is pixel 14, 14 of 28, or 1/28."""
    answers = ["8", "3_8", "3", *["3"] * 9]
    install_people(tmp_path, monkeypatch, [sequence(3, answers, CLICKS)])
    people = load_human_glimpses()
    assert people.number.tolist() == [3] and people.label.tolist() == [3]
    expected = torch.tensor([[1 / 28, 1 / 28], [-27 / 28, -23 / 28], [27 / 28, 27 / 28]])
    assert torch.allclose(people.look[0, :3], expected)
    assert people.answer[0, :4].tolist() == [8, -1, 3, 3]
    assert people.named[0, 1].nonzero().flatten().tolist() == [3, 8]
    assert people.right[0].tolist() == [False, False, *[True] * 10]


def test_a_copy_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what it is, why it does not come along, and where to put it."""
    install_people(tmp_path, monkeypatch).unlink()
    with pytest.raises(DataError, match="No licence is stated .* Data/mnist.json .* GLIMPSE_DATA=FOLDER$"):
        load_human_glimpses()
    words = ["people-anytime", "train.steps=1", "--folder", str(tmp_path / "run")]
    assert main(["train", *words]) == 2


def damaged(change: str) -> list[dict[str, Any]]:
    """Return the usual sequences with one mistake in the second."""
    rows = usual_sequences()
    click = rows[1]["Data"]["Glimpse_2"]
    if change == "click":
        del rows[1]["Data"]["Glimpse_12"]
    elif change == "outside":
        click["x-coordinate"] = "27"
    elif change == "class":
        click["Class"] = "12"
    elif change == "number":
        rows[1]["Stimuli"] = "01_70001"
    return rows


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("click", "sequence 2 should have .* 12 glimpses .*Glimpse_12"),
        ("outside", "sequence 2 .* a click outside the digit"),
        ("class", "sequence 2 .* answers are digits, got '12'"),
        ("number", "sequence 2 is of digit '01_70001'.*none of MNIST's"),
    ],
)
def test_a_malformed_copy_is_named(change: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message has the file, the sequence and what is wrong."""
    path = install_people(tmp_path, monkeypatch, damaged(change))
    with pytest.raises(DataError, match=f"^{path} is no file of AttentionMNIST .*{problem}"):
        load_human_glimpses()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"not json", b"[1]", b""])
def test_another_file_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a file of another kind, in one line."""
    path = install_people(tmp_path, monkeypatch)
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=f"^{path} [^\n]*$"):
        load_human_glimpses()


def test_the_shown_digits_are_those_of_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers count training images, then test images; each sequence has its digit."""
    install_people(tmp_path, monkeypatch)
    shown = load_shown_digits()
    assert shown.data.images[:, 0, 0, 0].tolist() == list(SHOWN)
    assert shown.data.labels.tolist() == [number % 10 for number in SHOWN]
    assert shown.example.tolist() == [digit for digit in range(5) for _ in range(3)]


def test_labels_that_are_not_those_of_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy for another order of the digits is refused, and so is a digit that is not here."""
    path = install_people(tmp_path, monkeypatch, [{**sequence(3, ["3"] * 12), "Label": "4"}])
    with pytest.raises(DataError, match="labels are not those of MNIST"):
        load_shown_digits()
    path.write_bytes(json.dumps([sequence(93, ["3"] * 12)]).encode())
    with pytest.raises(DataError, match="saw digit 94 of MNIST, which has 80 here"):
        load_shown_digits()


def test_excluded_digits_are_in_neither_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and validation lack the three that are training images; the test part stays whole."""
    install_people(tmp_path, monkeypatch)
    seen = {}
    for split in ("train", "validation", "test"):
        env: Any = make_batched_env("mnist", split=split, exclude="people")
        seen[split] = set(env.shown_examples()[0][:, 0, 0, 0].tolist())
    assert seen["train"] | seen["validation"] == set(range(60)) - set(SHOWN)
    assert seen["test"] == set(range(60, 80))


@pytest.mark.parametrize("others", [{"name": "digits"}, {"name": "mnist", "image_size": (20, 20)}])
def test_only_digits_of_mnist_are_excluded(others: dict[str, Any]) -> None:
    """Of other pictures nothing can be left out."""
    with pytest.raises(ValidationError, match="applies to MNIST's digits in their own size only"):
        ClassificationOptions(**others, exclude="people")
    assert ClassificationOptions(name="mnist").on_other_data({"data": "digits"})["exclude"] is None


@pytest.mark.skipif(
    not (REAL_DATA and Path(REAL_DATA, "human_glimpses").is_dir()), reason="needs a copy of AttentionMNIST"
)
def test_the_real_copy() -> None:
    """There are 1,736 sequences on 150 digits, 127 of them training images, with the published curve."""
    shown = load_shown_digits(REAL_DATA)
    assert len(shown.people.number) == 1736 and len(shown.data.labels) == 150
    assert int((shown.people.number.unique() < 60_000).sum()) == 127
    assert (100 * shown.people.right.double().mean(0)).tolist() == pytest.approx(RIGHT_AFTER, abs=0.05)
