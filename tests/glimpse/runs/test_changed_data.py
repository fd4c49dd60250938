"""Tests of learned runs whose data have changed: the answers stay, and what contradicts the run is refused."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import load_experiment
from glimpse.envs.text.numbered_splits import encode
from glimpse.runs.tracking import _shared_files
from glimpse.runs.trained_run import open_run
from glimpse.training.train import train_command

_GOOD, _AWFUL = "the film was good", "the film was awful"


def _csv(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path.write_text("".join(["text,label\n", *(f"{text},{label}\n" for text, label in rows)]))


def _jsonl(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))


def _pairs(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path.write_text("".join(["text,text2,label\n", *(f"a film,{text},{label}\n" for text, label in rows)]))


def _documents(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path.write_text("".join(["text,label\n", *(f"I saw it. {text}.,{label}\n" for text, label in rows)]))


FORMATS: dict[str, tuple[str, Callable[[Path, Sequence[tuple[str, str]]], None], dict[str, Any]]] = {
    "csv": ("films.csv", _csv, {}),
    "jsonl": ("films.jsonl", _jsonl, {}),
    "pairs": ("films.csv", _pairs, {"text2": "text2"}),
    "documents": ("films.csv", _documents, {"sentences": True}),
}
"""A file's name, what writes it, and the options that it needs."""


def rows(good: int, awful: int, yes: str = "yes") -> list[tuple[str, str]]:
    """Return rows of which those of one class come first."""
    return [(_GOOD, yes)] * good + [(_AWFUL, "no")] * awful


def train(folder: Path, task: dict[str, Any], agent: dict[str, Any], steps: int = 40, rate: float = 0.05) -> Path:
    """Train a run that tells two classes apart."""
    experiment = Experiment.model_validate(
        {
            "task": task,
            "agent": agent,
            "train": {
                "steps": steps,
                "batch": 20,
                "learning_rate": rate,
                "warmup": 0,
                "ema_decay": 0.5,
                "evaluate_every": steps,
                "precision": "float32",
            },
            "evaluate": {"copies": 2, "precision": "float32"},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )
    assert train_command(experiment, folder / "run", resume=False) == 0
    return folder / "run"


def train_on_texts(folder: Path, kind: str = "csv", **more: Any) -> tuple[Path, Callable[..., None]]:
    """Train a reader on texts, and return the run and what writes its data again."""
    name, write, options = FORMATS[kind]
    write(folder / name, rows(60, 40))
    encoder = {"kind": "hierarchical"} if kind == "documents" else {"kind": "gru", "width": 4}
    task = {"name": "text", "data": f"file:{folder / name}", "vectors": "none", **options, **more}
    agent = {"name": "reader", "embedding_width": 4, "encoder": encoder, "dropout": 0.0}
    run = train(folder, task, agent)
    return run, lambda *given, **named: write(folder / name, rows(*given, **named))


def measured_error(run: Path) -> float:
    """Evaluate a run, and return its test error in percent."""
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    record = json.loads((run / "evaluation.json").read_text())["test"]
    return float(next(iter(record["scores"].values()))["greedy"]["error"])


def refusals(run: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Return the messages with which a run is not evaluated, reported and resumed; each is one line."""
    printed = set()
    for command in (["evaluate", str(run)], ["report", str(run)], ["train", "--resume", str(run), "train.steps=50"]):
        capsys.readouterr()
        assert main(command) == 2
        printed.add(capsys.readouterr().err)
    assert all(message.count("\n") == 1 for message in printed)
    return printed


def answer(run: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Return the answer to the good text."""
    capsys.readouterr()
    assert main(["evaluate", str(run), "--text", *(more or (_GOOD,))]) == 0
    found = re.search(r"answer (\w+),", capsys.readouterr().out)
    assert found
    return found[1]


@pytest.mark.parametrize("kind", FORMATS)
def test_answers_do_not_follow_the_order_of_rows(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With 40 and 60 rows instead of 60 and 40, other words are frequent; the answer and the error of 0 % stay."""
    run, write = train_on_texts(tmp_path, kind)
    asked = {"pairs": ("a film", "--text2", _GOOD), "documents": (f"I saw it. {_GOOD}.",)}.get(kind, (_GOOD,))
    assert measured_error(run) == 0 and answer(run, capsys, *asked) == "yes"
    write(40, 60)
    assert measured_error(run) == 0 and answer(run, capsys, *asked) == "yes"
    write(0, 60)  # Only one class is left, and no word of the other one.
    assert answer(run, capsys, *asked) == "yes"
    write(60, 40, yes="affirm")
    assert all("class 'affirm' is none of the run's classes" in message for message in refusals(run, capsys))
    assert answer(run, capsys, *asked) == "yes"


def test_texts_without_spaces_can_be_resumed(tmp_path: Path) -> None:
    """A warning about the texts, which only the first reading gives, does not count as other data."""
    path, reader = tmp_path / "films.csv", {"name": "reader", "embedding_width": 4, "encoder": {"kind": "cnn"}}
    _csv(path, [(f"这部电影我看了{number}遍非常好看。", "yes") for number in range(20)] + rows(0, 20))
    run = train(tmp_path, {"name": "text", "data": f"file:{path}", "vectors": "none"}, reader, steps=2)
    encode.cache_clear()  # As in a new process.
    assert main(["train", "--resume", str(run), "train.steps=3"]) == 0


def test_changed_files_and_missing_classes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An evaluation on changed data says which file has changed, and which class has no example."""
    run, write = train_on_texts(tmp_path)
    write(0, 60)
    capsys.readouterr()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    printed = capsys.readouterr().out
    assert "note: films.csv (" in printed and "changed since the run began" in printed
    assert "note: no test example has the class 'yes'" in printed


def test_a_run_answers_texts_without_any_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the table nor the file of word vectors is needed for a text; evaluation names the missing table."""
    vectors = tmp_path / "own.txt"
    vectors.write_text("".join(f"{word} {at} {1 - at} 0.5 0.5\n" for at, word in enumerate(_GOOD.split())))
    run, _ = train_on_texts(tmp_path, vectors=f"file:{vectors}")
    vectors.unlink()
    assert measured_error(run) == 0 and answer(run, capsys) == "yes"
    (tmp_path / "films.csv").unlink()
    assert answer(run, capsys) == "yes"
    assert all(str(tmp_path / "films.csv") in message for message in refusals(run, capsys))


def test_a_test_file_of_its_own_needs_no_training_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the test part has a file, it is evaluated without the training file, with more examples too."""
    _csv(tmp_path / "test.csv", rows(3, 3))
    run, _ = train_on_texts(tmp_path, test=f"file:{tmp_path / 'test.csv'}")
    (tmp_path / "films.csv").unlink()
    _csv(tmp_path / "test.csv", rows(9, 5))
    assert measured_error(run) == 0
    assert main(["evaluate", str(run), "--split", "validation"]) == 2
    assert "films.csv cannot be read" in capsys.readouterr().err


def test_scores_keep_their_range(tmp_path: Path) -> None:
    """A run on scores from 1 to 5 answers from 1 to 5 where the data have scores from 2 to 3 alone."""
    path, reader = tmp_path / "films.csv", {"name": "reader", "embedding_width": 4, "encoder": {"kind": "cnn"}}
    task = {"name": "text", "data": f"file:{path}", "vectors": "none", "labels": "scores"}
    _csv(path, [(f"film {number}", str(1 + number % 5)) for number in range(40)])
    run = train(tmp_path, task, reader, steps=2)
    _csv(path, [(f"film {number}", str(2 + number % 2)) for number in range(40)])
    said = list[str]()
    assert open_run(run, "test", "cpu", said.append).env.scores == (1, 5)
    assert main(["evaluate", str(run), "--split", "test"]) == 0


def pictures(folder: Path, classes: dict[str, int], size: int = 6, channels: int = 1) -> Path:
    """Write pictures of one shade for each class, in both parts."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, shade in classes.items():
        for part in ("train", "test"):
            (folder / part / name).mkdir(parents=True)
            for number in range(12):
                array = np.full((size, size, 3), shade, np.uint8)
                Image.fromarray(array if channels == 3 else array[..., 0]).save(folder / part / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module", params=["ram", "sb3-ppo"])
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a run that tells black from white pictures, and its data; our own learner's, or Stable-Baselines3's."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("pictures")
    data = pictures(folder / "shades", {"a": 0, "b": 255})
    task = {"name": "images", "data": f"folder:{data}", "retina": {"patch": 4, "scales": 1}, "glimpses": 1}
    if request.param == "ram":
        return train(folder, task, {"name": "ram", "memory_width": 8}, 20), data
    agent = {"name": "sb3-ppo", "grid": 2, "n_steps": 4, "feature_width": 16, "net_arch": [16]}
    return train(folder, task, agent, 8, 0.01), data


@pytest.fixture
def picture_run(learned: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Return a copy of a run on pictures, and the data of its training."""
    run, data = learned
    pictures(data, {"a": 0, "b": 255})
    return Path(shutil.copytree(run, tmp_path / "run")), data


def test_classes_of_pictures_are_known_by_name(
    picture_run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures of classes, renamed so that they sort otherwise, are refused; one class alone keeps its number."""
    run, data = picture_run
    assert measured_error(run) == 0
    pictures(data, {"b": 255})
    assert measured_error(run) == 0
    pictures(data, {"z": 0, "b": 255})
    assert main(["evaluate", str(run), "--split", "test"]) == 2
    assert "class 'z' is none of the run's classes, which are 'a', 'b'" in capsys.readouterr().err
    assert all("class 'z'" in message for message in refusals(run, capsys))


def test_other_pictures_are_refused(picture_run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures of another size and coloured ones contradict a run on grey pictures of one size."""
    run, data = picture_run
    for size, channels, problem in ((9, 1, "these have 9 x 9"), (4, 1, "these have 4 x 4"), (6, 3, "coloured")):
        pictures(data, {"a": 0, "b": 255}, size, channels)
        assert main(["evaluate", str(run), "--split", "test"]) == 2
        printed = capsys.readouterr().err
        assert "the run has pictures of 6 x 6 pixels in grey" in printed and problem in printed


def test_resuming_names_the_picture_that_changed(
    picture_run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture of training with another content, under the same name and size, ends a resumption."""
    run, data = picture_run
    further = f"train.steps={(load_experiment(run / 'config.yaml').train.steps or 0) + 1}"
    Image.fromarray(np.full((6, 6), 3, np.uint8)).save(data / "train" / "a" / "7.png")
    assert main(["train", "--resume", str(run), further]) == 2
    assert "train/a/7.png" in capsys.readouterr().err
    pictures(data, {"a": 0, "b": 255})
    (data / "test" / "a" / "7.png").unlink()  # The test part was not trained on.
    assert main(["train", "--resume", str(run), further]) == 0


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on texts, of few steps."""
    folder = tmp_path_factory.mktemp("texts")
    _csv(folder / "films.csv", rows(20, 20))
    reader = {"name": "reader", "embedding_width": 4, "encoder": {"kind": "cnn"}}
    return train(folder, {"name": "text", "data": f"file:{folder / 'films.csv'}", "vectors": "none"}, reader, 2)


@pytest.fixture
def text_run(short_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run on texts."""
    return Path(shutil.copytree(short_run, tmp_path / "run"))


def test_no_local_path_is_kept(short_run: Path) -> None:
    """The kept file has the names and digests of files, and no folder."""
    written = (short_run / "meaning.json").read_text()
    assert "films.csv" in written and str(short_run.parent) not in written
    content = (short_run.parent / "films.csv").read_bytes()
    assert json.loads(written)["files"] == [["films.csv", len(content), hashlib.sha256(content).hexdigest()]]


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text.replace('"good"', '"goad"'),
        lambda text: re.sub(r'("no")(,\s*)("yes")', r"\3\2\1", text, count=1),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[" * 100_000,
        lambda text: '{"sha256": 3}',
        lambda text: "\x00\xff",
    ],
    ids=["a word", "classes swapped", "cut off", "empty", "nested", "other fields", "no text"],
)
def test_a_damaged_file_is_refused(
    text_run: Path, harm: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else than what training wrote is refused in one line."""
    path = text_run / "meaning.json"
    path.write_text(harm(path.read_text()))
    for command in (["evaluate", str(text_run), "--text", _GOOD], ["train", "--resume", str(text_run)]):
        assert main(command) == 2
        printed = capsys.readouterr().err
        assert "meaning.json is not what training writes" in printed and printed.count("\n") == 1


def test_a_missing_file_is_refused(text_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with weights and no meaning is not used, and not resumed; nor is a run of an earlier format."""
    (text_run / "meaning.json").unlink()
    assert all("has no meaning.json" in message for message in refusals(text_run, capsys))
    config = text_run / "config.yaml"
    config.write_text(config.read_text().replace("format 3", "format 2", 1))
    assert all("is a run of format 2" in message for message in refusals(text_run, capsys))


def test_a_run_that_was_killed_before_its_first_step_begins(text_run: Path) -> None:
    """Without weights and without meaning, a resumed run begins and keeps its meaning."""
    written = (text_run / "meaning.json").read_bytes()
    for name in ("checkpoints", "best"):
        shutil.rmtree(text_run / name)
    (text_run / "meaning.json").unlink()
    assert main(["train", "--resume", str(text_run)]) == 0
    assert (text_run / "meaning.json").read_bytes() == written


def test_a_tracked_checkpoint_has_the_meaning_with_it(text_run: Path) -> None:
    """The meaning is among the files that are uploaded with a checkpoint."""
    (checkpoint,) = (text_run / "best").glob("step-*")
    assert text_run / "meaning.json" in _shared_files(checkpoint, text_run)
