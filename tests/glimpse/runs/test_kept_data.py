"""Tests of what a run keeps of its data: it is used from that alone, and data that contradict it are refused."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from glimpse.agents import AGENTS
from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.other_data import name_a_source
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import counts_classes
from glimpse.envs.documents import facts
from glimpse.envs.images import catch, scene_data
from glimpse.envs.meaning import env_meaning
from glimpse.errors import UserError
from glimpse.runs.checkpoint import load_checkpoint, load_newest
from glimpse.runs.kept_data import read_kept_data
from glimpse.runs.trained_run import open_run
from glimpse.training.train import train_command
from tests.agents.conftest import small_options

CLASSES = ("no", "yes")
_SMALL: dict[str, dict[str, Any]] = {
    "classification": {"retina": {"patch": 3, "scales": 1}, "glimpses": 2},
    "search": {
        "retina": {"patch": 3, "scales": 1},
        "glimpses": 2,
        "glance": 4,
        "size": 128,
        "strokes": 2,
        "photographs": "scikit-learn",
    },
    "pairs": {"retina": {"patch": 3, "scales": 1}, "glimpses": 1, "size": 20, "glance": 4},
    "find": {"retina": {"patch": 3, "scales": 1}, "glimpses": 2, "glance": 4, "data": "cells", "object": "ring"},
    "catch": {"screen": 6, "retina": {"patch": 2, "scales": 1}},
    "text": {},
    "select": {},
    "skim": {"jumps": 2},
    "evidence": {"words": 500, "opens": 1, "candidates": 2, "max_question": 16, "max_words": 12, "preview": 12},
    "translation": {"tokenizer": "words", "max_tokens": 8},
    "simultaneous translation": {"tokenizer": "words", "max_tokens": 8},
}
"""Options of the task, by the environment's kind."""
_TRAIN = {"simultaneous-translator": {"copies": 2}}


def _write_pictures(folder: Path, classes: tuple[str, ...], counts: tuple[int, ...]) -> None:
    """Write dark pictures of the first class and bright ones of the second, in both parts."""
    for part in ("train", "test"):
        for shade, (name, count) in enumerate(zip(classes, counts, strict=True)):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                grey = np.full((8, 8), 200 * shade + number, np.uint8)
                Image.fromarray(grey).save(folder / part / name / f"{number}.png")


def _write_texts(folder: Path, classes: tuple[str, ...], counts: tuple[int, ...]) -> None:
    """Write a table in which each class has a word of its own, and vectors of some words."""
    folder.mkdir()
    rows = [
        f"the film {number} was {word},{name}"
        for word, name, count in zip(("awful", "good"), classes, counts, strict=True)
        for number in range(count)
    ]
    (folder / "films.csv").write_text("\n".join(["text,label", *rows, ""]))
    (folder / "vectors.txt").write_text("film 1 0 0 1\ngood 0 1 0 1\nawful 0 0 1 1\n")


def _write_questions(folder: Path, classes: tuple[str, ...], counts: tuple[int, ...]) -> None:
    """Write questions in which each class has a word of its own, and a document with their evidence."""
    (folder / "documents").mkdir(parents=True)
    lines = [f"Ship number {number} came to the port." for number in range(sum(counts))]
    (folder / "documents/ships.txt").write_text("\n".join([*lines, ""]))
    answers = [name for name, count in zip(classes, counts, strict=True) for _ in range(count)]
    rows = [
        {
            "question": f"was ship {number} there",
            "answer": name,
            "evidence": [[{"file": "ships.txt", "line": 1 + number}]],
        }
        for number, name in enumerate(answers)
    ]
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def _write_translations(folder: Path, classes: tuple[str, ...], counts: tuple[int, ...]) -> None:
    """Write sentences with the names of the classes as words, and a test part of its own with as many."""
    folder.mkdir()
    for language, order in (("en", 1), ("de", -1)):
        lines = [f"{' '.join((name, 'b', 'c')[::order])}\n" for name in classes]
        (folder / f"train.{language}").write_text("".join(lines * 10))
        (folder / f"test.{language}").write_text("".join([f"b c{lines[0][-1]}"] * counts[0]))


@dataclass(frozen=True)
class Case:
    """A trained run with data of its own in `data`, and `write`, which writes them with given classes and counts."""

    run: Path
    data: Path
    write: Callable[[Path, tuple[str, ...], tuple[int, ...]], None] | None
    family: str
    kind: str

    def rewrite(self, classes: tuple[str, ...] = CLASSES, counts: tuple[int, ...] = (14, 12)) -> None:
        """Replace the data; by default by those of training."""
        shutil.rmtree(self.data, ignore_errors=True)
        if self.write is not None:
            self.write(self.data, classes, counts)


def _cases() -> list[tuple[str, str]]:
    """Return each class of environments with the first agent that fits, and an agent of Stable-Baselines3."""
    fits = [
        (env, agent)
        for env, entry in ENVIRONMENTS.items()
        for agent, row in AGENTS.items()
        if entry.kind in row.kinds and not row.task
    ]
    classes = {ENVIRONMENTS[env].environment: (env, agent) for env, agent in reversed(fits)}
    return [*classes.values(), ("digits", "sb3-ppo")]


def _task(env: str, data: Path) -> tuple[dict[str, Any], Callable[..., None] | None]:
    """Return small options of a task on data of its own, and what writes these data."""
    kind = ENVIRONMENTS[env].kind
    known = resolve_name(ENVIRONMENTS[env].options).model_fields
    task = {"name": env, **{key: value for key, value in _SMALL[kind].items() if key in known}}
    if kind in ("catch", "find"):
        return task, None
    if kind == "evidence":
        task["vectors"] = "none"
        if "data" not in known:  # Its facts are generated.
            return task, None
        return {**task, "data": f"file:{data}/questions.jsonl"}, _write_questions
    if kind in ("classification", "pairs", "search"):
        return {**task, "data": f"folder:{data}"}, _write_pictures
    if "translation" in kind:
        return {**task, "data": f"file:{data}/train", "test": f"file:{data}/test"}, _write_translations
    return {**task, "data": f"file:{data}/films.csv", "vectors": f"file:{data}/vectors.txt"}, _write_texts


@pytest.fixture(scope="module", params=_cases(), ids="-".join)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return a run of two steps, for each environment and each agent."""
    torch.set_num_threads(1)
    env, agent = request.param
    folder = tmp_path_factory.mktemp("kept")
    task, write = _task(env, folder / "data")
    case = Case(folder / "run", folder / "data", write, ENVIRONMENTS[env].family, ENVIRONMENTS[env].kind)
    case.rewrite()
    experiment = Experiment.model_validate(
        {
            "task": task,
            "agent": {"name": agent, **small_options(agent)},
            "train": {"steps": 2, "batch": 4, "evaluate_every": 2, "precision": "float32", **_TRAIN.get(agent, {})},
            "evaluate": {"copies": 2, "precision": "float32"},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catch, "_EXAMPLES", 20)
        patch.setattr(scene_data, "SCENES", dict.fromkeys(scene_data.SCENES, 20))
        patch.setattr(facts, "EXAMPLES", dict.fromkeys(facts.EXAMPLES, 20))
        assert train_command(experiment, case.run, resume=False) == 0
    return case


@pytest.fixture
def case(trained: Case) -> Iterator[Case]:
    """Return the run with the data of its training."""
    trained.rewrite()
    yield trained


def test_numbers_keep_their_meaning_whatever_the_data_are(case: Case) -> None:
    """With other data of the same classes the environment of a run means what it meant, and counts classes by name."""
    before = open_run(case.run, "test", "cpu", pytest.fail)
    case.rewrite(counts=(12, 15))
    said = list[str]()
    after = open_run(case.run, "test", "cpu", said.append)
    kept = read_kept_data(before.folder, before.experiment).meaning
    assert kept.contradiction(env_meaning(before.env)) is None
    assert kept.contradiction(env_meaning(after.env)) is None
    if counts_classes(after.env) and after.env.class_counts() and case.write is _write_pictures:
        assert before.env.class_counts() == {"no": 14, "yes": 12}
        assert after.env.class_counts() == {"no": 12, "yes": 15}


def test_an_unknown_class_is_refused(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """A renamed class is refused by every command that uses the data, and the run stays as it is."""
    if case.write is None or case.write is _write_translations:
        return  # These have no classes.
    case.rewrite(classes=("no", "affirm"))
    files = {path: path.read_bytes() for path in case.run.rglob("*") if path.is_file() and path.name != "lock.holder"}
    resumed = ["train", "--resume", str(case.run), "train.steps=3"]
    for command in (["evaluate", str(case.run), "--split", "validation"], ["report", str(case.run)], resumed):
        assert main(command) == 2
        printed = capsys.readouterr().err
        assert "class 'affirm' is none of the run's classes, which are 'no', 'yes'" in printed
        assert printed.count("\n") == 1
    assert {path: path.read_bytes() for path in files} == files


def test_a_run_without_its_data_names_what_is_missing(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """Without data, evaluation says which file or folder is missing; texts can be answered."""
    if case.write is None:
        assert open_run(case.run, "test", "cpu", pytest.fail).env.examples > 0
        return
    shutil.rmtree(case.data)
    assert main(["evaluate", str(case.run), "--split", "test"]) == 2
    assert str(case.data) in capsys.readouterr().err
    if case.write is _write_pictures:
        return
    without = open_run(case.run, None, "cpu", pytest.fail)
    assert without.env.examples == 0
    case.rewrite()
    with_data = open_run(case.run, "validation", "cpu", pytest.fail)
    assert env_meaning(without.env).contradiction(env_meaning(with_data.env)) is None
    assert without.env.action_space == with_data.env.action_space or case.family == "reading"


def _elsewhere(case: Case, folder: Path) -> list[str]:
    """Write data of the run's classes to a folder, and return the overrides that name them."""
    if case.write is None:
        return [{"find": "task.initial_location=raster", "evidence": "task.seed=1"}.get(case.kind, "task.sideways=0.5")]
    case.write(folder, CLASSES, (9, 8))
    if case.write is _write_pictures:
        return [f"task.data=folder:{folder}"]
    if case.write is _write_texts:
        return [f"task.data=file:{folder}/films.csv"]
    if case.write is _write_questions:
        return [f"task.data=file:{folder}/questions.jsonl"]
    return [f"task.data=file:{folder}/train", f"task.test=file:{folder}/test"]


def test_a_run_is_evaluated_on_data_from_elsewhere(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other data of its classes are evaluated whole under a key of their own, though the run's own are missing."""
    monkeypatch.setattr(catch, "_EXAMPLES", 20)
    monkeypatch.setattr(scene_data, "SCENES", dict.fromkeys(scene_data.SCENES, 20))
    monkeypatch.setattr(facts, "EXAMPLES", dict.fromkeys(facts.EXAMPLES, 20))
    shutil.copytree(case.run, tmp_path / "run")
    (tmp_path / "run/evaluation.json").write_text('{"test": {"kept": 1}}')
    overrides = _elsewhere(case, tmp_path / "other")
    shutil.rmtree(case.data, ignore_errors=True)
    assert main(["evaluate", str(tmp_path / "run"), *overrides]) == 0
    own, (key, record) = json.loads((tmp_path / "run/evaluation.json").read_text()).items()
    # Where the same data are only shown otherwise, validation data are the default.
    split = "test" if name_a_source(overrides) else "validation"
    assert own == ("test", {"kept": 1}) and key.startswith(f"{split} of ")
    made = {"find": 50, "search": 20, "catch": 20}
    if case.write is None:
        made["evidence"] = 20
    expected = made.get(case.kind) or (9 if case.write is _write_translations else 17)
    if "scores" in record:
        assert next(iter(record["scores"].values()))["greedy"]["episodes"] == expected
    else:
        assert sum(group["sentences"] for group in record["by_length"]) == expected


def test_training_goes_on_with_the_same_data_alone(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """A resumed run refuses changed training data, naming the file, and takes those that it began with."""
    if case.write is not None:
        case.rewrite(("no", "yet")) if case.write is _write_translations else case.rewrite(counts=(14, 13))
        name = {"_write_texts": "films.csv", "_write_questions": "questions.jsonl", "_write_translations": "train"}.get(
            case.write.__name__, "train/no/0.png"
        )
        if case.write is _write_pictures:
            Image.fromarray(np.full((8, 8), 77, np.uint8)).save(case.data / name)
        assert main(["train", "--resume", str(case.run)]) == 2
        assert name in capsys.readouterr().err
        case.rewrite()
    assert main(["train", "--resume", str(case.run)]) == 0


def test_another_run_begins_with_its_weights(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run on data with other classes begins with the weights of any run, or says why it cannot; see `test_init`."""
    experiment = open_run(case.run, None, "cpu", print).experiment
    other = experiment.model_copy(
        update={"init": str(case.run), "train": experiment.train.model_copy(update={"steps": 1})}
    )
    if case.write is not None:
        case.rewrite(classes=("affirm", "no"))
    capsys.readouterr()
    fixed = experiment.task.name == "digit-pair" or experiment.agent.name.startswith("sb3")
    if fixed and case.write is not None:  # Some cannot be made without data, others have one layer for all parts.
        with pytest.raises(UserError, match="init: .* cannot be given other"):
            train_command(other, tmp_path / "new", resume=False)
        case.rewrite()
    assert train_command(other, tmp_path / "new", resume=False) == 0
    has_classes = case.write in (_write_pictures, _write_texts, _write_questions)
    assert ("1 ('affirm') initialised anew" in capsys.readouterr().out) == (has_classes and not fixed)
    case.rewrite()
    first = load_checkpoint(tmp_path / "new" / "checkpoints" / "step-000000000").weights
    chosen = load_newest(case.run / "best", pytest.fail) or load_newest(case.run / "checkpoints", pytest.fail)
    assert chosen is not None
    parameters = dict(open_run(case.run, None, "cpu", print).agent.named_parameters())
    same = [name for name in parameters if torch.equal(first[name], chosen.weights[name])]
    assert len(same) >= len(parameters) - 4 > 0  # All but the head, and the words' vectors.
