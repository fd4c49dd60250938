"""Tests of published runs: what is in them and in their cards, and what is not."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import glimpse
from glimpse.cli.command_line import main
from glimpse.publishing.model_card import _limits
from glimpse.runs.checkpoint import load_newest
from glimpse.runs.evaluation_file import read_evaluation_file

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("publish")


@pytest.fixture(scope="module")
def published(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run, published in half precision."""
    target = tmp_path_factory.mktemp("published") / "my-digits"
    assert main(["publish", str(digits_run), str(target), "--half"]) == 0
    return target


def test_a_published_run_holds_what_is_needed_and_nothing_else(published: Path) -> None:
    """There are weights, config, meaning, evaluation and card: no optimiser, no metrics, no lock."""
    names = {path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()}
    best = next(published.glob("best/*")).relative_to(published).as_posix()
    weights = {f"{best}/{name}" for name in ("weights.safetensors", "state.json", "manifest.json")}
    assert names == {"README.md", "card.json", "config.yaml", "evaluation.json", "meaning.json", *weights}


def test_its_weights_are_the_best_ones_rounded(digits_run: Path, published: Path) -> None:
    """Each float is the half nearest to that of the run."""
    best = load_newest(digits_run / "best", print, read_only=True)
    assert best is not None
    rounded = safetensors.torch.load_file(next(published.glob("best/*/weights.safetensors")))
    assert rounded.keys() == best.weights.keys()
    assert any(value.dtype == torch.float16 for value in rounded.values())
    assert all(torch.equal(rounded[name], value.to(rounded[name].dtype)) for name, value in best.weights.items())


def test_it_answers_like_the_run(digits_run: Path, published: Path) -> None:
    """Probabilities differ by rounding alone."""
    picture = np.zeros((8, 8), np.uint8)
    picture[1:7, 4] = 255
    ours, theirs = (
        np.array(list(glimpse.load(path).predict(picture).probabilities.values())) for path in (published, digits_run)
    )
    assert 0 < np.abs(ours - theirs).max() < 0.01


def test_the_card_says_what_was_measured(published: Path) -> None:
    """Card, facts and evaluation agree; the command trains such a run."""
    facts, text = json.loads((published / "card.json").read_text()), (published / "README.md").read_text()
    record = read_evaluation_file(published / "evaluation.json")["test"]
    score = record["scores"]["ram"]["averaged"]
    assert facts["measure"] == {
        "name": "error, %, M = 2",
        "value": score["error"],
        "low": score["low"],
        "high": score["high"],
    }
    assert f"{score['error']:.4g}" in text and f"{score['low']:.4g} to {score['high']:.4g}" in text
    assert facts["command"] == "glimpse train digits-ram train.batch=32 train.steps=60"
    assert f"\n{facts['command']}\n" in text
    assert facts["examples"] == 359 and "predictions" not in record
    assert "Licence: CC BY 4.0" in text and "43 writers" in text
    assert set(facts["controls"]) >= {"random locations", "centre only"}


def test_the_best_of_several_seeds_is_published(digits_run: Path, tmp_path: Path) -> None:
    """The seed with the lowest validation error is taken, and the card names both."""
    other = tmp_path / "other"
    words = ["digits-ram", "train.steps=1", "train.batch=32", "seed=7", "threads=1", "track.mode=disabled"]
    assert main(["train", *words, "--run", str(other)]) == 0
    assert main(["evaluate", str(other), "--split", "test", "--copies", "1"]) == 0
    assert main(["publish", str(other), str(digits_run), str(tmp_path / "no")]) == 2  # They differ in train.steps.
    assert not (tmp_path / "no").exists()
    config = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(config.replace("steps: 1\n", "steps: 60\n"))
    assert main(["publish", str(other), str(digits_run), str(tmp_path / "both")]) == 0
    facts = json.loads((tmp_path / "both" / "card.json").read_text())
    assert [one["seed"] for one in facts["seeds"]] == [0, 7]
    errors = {one["seed"]: one["validation_error"] for one in facts["seeds"]}
    assert errors[0] < errors[7] and "seed 0 was best" in (tmp_path / "both" / "README.md").read_text()
    assert facts["step"] == json.loads(next((digits_run / "best").glob("*/manifest.json")).read_text())["step"]


def test_own_data_stay_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of texts of one's own, neither their folder, nor their file's digest, nor a sentence is in what is published."""
    secret = tmp_path / "secret-folder"
    secret.mkdir()
    names, telling = ("ann", "bob", "cleo", "dora", "emil"), {"yes": "good", "no": "bad"}
    rows = [f"{label}\tdear {name} this was {telling[label]} indeed" for label in telling for name in names]
    (secret / "letters.tsv").write_text("label\ttext\n" + "\n".join(rows * 4) + "\n")
    run, target = tmp_path / "run", tmp_path / "published"
    words = ["trec-mean", f"task.data=file:{secret}/letters.tsv", "task.vectors=none", "train.steps=3"]
    assert main(["train", *words, "threads=1", "track.mode=disabled", "--run", str(run)]) == 0
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    capsys.readouterr()
    assert main(["publish", str(run), str(target)]) == 0
    assert "it was trained on your own data" in capsys.readouterr().out
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["publish", str(run), "rounded", "--half"]) == 0  # It is measured on the data of the run's config.
    assert json.loads(Path("rounded/card.json").read_text())["bits"] == 16
    written = {path.name: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert not [name for name, data in written.items() if b"secret-folder" in data or b"this was good" in data]
    assert json.loads(written["meaning.json"])["files"] == [] and written["meaning.json"].count(b"\n") == 1
    card = written["README.md"].decode()
    assert "Own data. Licence: not stated." in card and "glimpse train config.yaml" in card
    assert not re.search("letters|dora", card)
    assert glimpse.load(target).predict("dear ann this was bad indeed").label in ("yes", "no")


def test_a_published_run_is_not_resumed(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds no state of training, and its weights must not be lost by a training that begins anew."""
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    assert main(["train", "--resume", str(published), "train.steps=90"]) == 2
    assert f"init={published}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{run}"], "publish takes the folder of a run, and where to"),
        (["{run}", "hf:me"], "hf:OWNER/NAME"),
        (["{run}", "hf:me/x@main"], "without a revision"),
        (["{run}", "{run}"], "not an empty folder"),
        (["{run}", "{new}", "--private"], "is a folder"),
        (["{new}", "{new}2"], "holds no run"),
        (["{run}", "{run}/inside"], "lies in the run"),
        (["mnist-ram", "planted", "{new}"], "is a published run already, and is published alone"),
    ],
)
def test_mistakes(
    words: list[str], told: str, digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is told in a line, and nothing is written."""
    given = [word.format(run=digits_run, new=tmp_path / "new") for word in words]
    assert main(["publish", *given]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_that_was_not_measured_is_refused(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A card without a result is none."""
    run = tmp_path / "run"
    words = ["digits-ram", "train.steps=1", "threads=1", "track.mode=disabled"]
    assert main(["train", *words, "--run", str(run)]) == 0
    assert main(["publish", str(run), str(tmp_path / "new")]) == 2
    assert f"glimpse evaluate {run}" in capsys.readouterr().err


def test_a_folder_that_is_named_by_a_dot(digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent has the folder's own name."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["publish", str(digits_run), "."]) == 0
    assert Path("README.md").read_text().split("---\n", 2)[-1].strip().startswith("# here\n")


def test_the_worst_class_of_a_card_has_examples() -> None:
    """A class that the test set lacks is no weak point."""
    known = (("dog", 0, 0.0), ("cat", 4, 0.5), ("owl", 3, 1.0))
    classes = [{"name": name, "examples": count, "recall": share} for name, count, share in known]
    told = _limits({"class_measures": {"classes": classes, "calibration_error": 0.1, "confused": []}})
    assert any("worst class is 'cat': 50.0 %" in line for line in told) and not any("'dog'" in line for line in told)
