"""Tests of runs that begin with another run's weights, and of frozen parts."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from glimpse.config.experiment import Experiment
from glimpse.errors import UserError
from glimpse.runs.checkpoint import load_checkpoint, load_newest
from glimpse.runs.copied_weights import _OF_LEARNING
from glimpse.runs.kept_data import read_kept_data
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run
from glimpse.training.train import train_command

pytestmark = pytest.mark.xdist_group("init")


def _write_pictures(folder: Path, classes: dict[str, int]) -> None:
    """Write six pictures of each class, of one grey each."""
    for name, grey in classes.items():
        for part in ("train", "test"):
            (folder / part / name).mkdir(parents=True)
            for number in range(6):
                picture = np.full((8, 8), grey + number, np.uint8)
                Image.fromarray(picture).save(folder / part / name / f"{number}.png")


def _write_texts(path: Path, words: dict[str, str]) -> None:
    """Write twelve texts of each class, which have its word."""
    rows = [f"the film {word},{label}" for label, word in words.items() for _ in range(12)]
    path.write_text("\n".join(["text,label", *rows, ""]))


def _experiment(task: dict[str, Any], agent: dict[str, Any], init: Path | None = None, **train: Any) -> Experiment:
    given = {"steps": 2, "batch": 4, "evaluate_every": 2, "precision": "float32", "log_every": 1, **train}
    seed = given.pop("seed", 0)
    return Experiment.model_validate(
        {
            "task": task,
            "agent": agent,
            "train": given,
            "init": None if init is None else str(init),
            "evaluate": {"copies": 2, "precision": "float32"},
            "track": {"mode": "disabled"},
            "threads": 1,
            "seed": seed,
        }
    )


def _images(data: Path, init: Path | None = None, agent: dict[str, Any] | None = None, **train: Any) -> Experiment:
    task = {"name": "images", "data": f"folder:{data}", "glimpses": 2, "retina": {"patch": 3}}
    ram = {"name": "ram", "memory_width": 8, "feature_width": 8, "glimpse_width": 8, "location_width": 8}
    return _experiment(task, {**ram, **(agent or {})}, init, **train)


def _texts(data: Path, init: Path | None = None, **train: Any) -> Experiment:
    vectors = data.with_name("vectors.txt")
    vectors.write_text("film 1 2 3 4\nfine 0 0 0 1\ndecent 5 6 7 8\n")
    task = {"name": "text", "data": f"file:{data}", "vectors": f"file:{vectors}"}
    agent = {"name": "reader", "embedding": "trained", "encoder": {"kind": "gru", "width": 4}}
    return _experiment(task, agent, init, **train)


def _first(run: Path) -> dict[str, Tensor]:
    """Return the weights that a run began with."""
    return load_checkpoint(run / "checkpoints" / "step-000000000").weights


def _best(run: Path) -> dict[str, Tensor]:
    found = load_newest(run / "best", pytest.fail)
    assert found is not None
    return found.weights


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a trained run, `run`, whose classes are b and c, and data of the classes a, c and d."""
    folder = tmp_path_factory.mktemp("pictures")
    _write_pictures(folder / "data", {"b": 0, "c": 200})
    _write_pictures(folder / "other", {"a": 0, "c": 120, "d": 200})
    assert train_command(_images(folder / "data"), folder / "run", resume=False) == 0
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a trained run on texts, `run`, and a table with other words and a new class."""
    folder = tmp_path_factory.mktemp("texts")
    _write_texts(folder / "old.csv", {"bad": "awful", "good": "fine"})
    _write_texts(folder / "new.csv", {"awful": "terrible", "good": "fine", "okay": "decent"})
    assert train_command(_texts(folder / "old.csv"), folder / "run", resume=False) == 0
    return folder


def test_known_classes_keep_their_rows_and_new_ones_begin_anew(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The head's rows are copied by the classes' names; all other parameters are those of the earlier run's best."""
    assert train_command(_images(pictures / "other", pictures / "run"), tmp_path / "new", resume=False) == 0
    said = capsys.readouterr().out
    assert "classes: 1 ('c') with the weights known, 2 ('a', 'd') initialised anew, 1 ('b') left out" in said
    assert train_command(_images(pictures / "other", keep=9, save_every=1), tmp_path / "random", resume=False) == 0
    first, old, made = (
        _first(tmp_path / "new"),
        _best(pictures / "run"),
        open_run(tmp_path / "random", None, None, print),
    )
    torch.manual_seed(0)
    assert first["classifier.weight"].shape == (3, 8) and made.env.classes == ("a", "c", "d")
    for name in ("classifier.weight", "classifier.bias"):
        assert torch.equal(first[name][1], old[name][1])
        assert not torch.equal(first[name][0], old[name][0]) and not torch.equal(first[name][2], old[name][1])
    others = [name for name in first if not name.startswith("classifier") and name not in ("average_return",)]
    assert len(others) > 10
    buffers = {name for name, _ in made.agent.named_buffers()}
    assert all(torch.equal(first[name], old[name]) for name in others if name not in buffers)


def test_new_words_are_added_and_known_ones_keep_their_vectors(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The vocabulary is the earlier run's, then the new words; vectors of known words are copied."""
    experiment = _texts(texts / "new.csv", texts / "run")
    assert train_command(experiment, tmp_path / "new", resume=False) == 0
    assert "words: 6 with the weights known, 2 initialised anew" in capsys.readouterr().out
    kept = read_kept_data(RunFolder(tmp_path / "new"), experiment)
    before = read_kept_data(RunFolder(texts / "run"), experiment).meaning.names()["words"]
    words = kept.meaning.names()["words"]
    assert words[: len(before)] == before and set(words[len(before) :]) == {"terrible", "decent"}
    first, old = _first(tmp_path / "new"), _best(texts / "run")
    assert torch.equal(first["embedding.weight"][: len(before)], old["embedding.weight"])
    assert first["embedding.weight"][words.index("decent")].tolist() == [5, 6, 7, 8]
    head = next(name for name, value in old.items() if name.startswith("head") and value.shape == (2,))
    assert kept.meaning.classes == ("awful", "good", "okay")
    assert torch.equal(first[head][1], old[head][1]) and not torch.equal(first[head][0], old[head][0])
    assert kept.origin is not None and (kept.origin.run, kept.origin.step) == ("run", 2)
    assert open_run(tmp_path / "new", "test", None, print).env.examples > 0


def test_a_run_is_complete_without_the_one_that_it_began_with(pictures: Path, tmp_path: Path) -> None:
    """Stopped before its first checkpoint but the initial one, it goes on to the bit although the other run is gone."""
    shutil.copytree(pictures / "run", tmp_path / "old")
    experiment = _images(pictures / "other", tmp_path / "old", steps=4, save_every=2, keep=9)
    assert train_command(experiment, tmp_path / "whole", resume=False) == 0
    for stopped, checkpoints in (("at 0", (2, 4)), ("at 2", (4,))):
        run = tmp_path / stopped
        shutil.copytree(tmp_path / "whole", run)
        for step in checkpoints:
            shutil.rmtree(run / "checkpoints" / f"step-{step:09d}")
    shutil.rmtree(tmp_path / "old")
    for stopped in ("at 0", "at 2"):
        assert train_command(experiment, tmp_path / stopped, resume=True) == 0
        ended, whole = (load_newest(tmp_path / run / "checkpoints", pytest.fail) for run in (stopped, "whole"))
        assert ended is not None and whole is not None and ended.step == whole.step == 4
        assert all(torch.equal(ended.weights[name], whole.weights[name]) for name in whole.weights)
    shutil.rmtree(tmp_path / "at 0" / "checkpoints")
    shutil.rmtree(tmp_path / "at 0" / "best")
    with pytest.raises(UserError, match="^init: .*holds no run"):
        train_command(experiment, tmp_path / "at 0", resume=True)


def test_other_weights_under_the_same_name_are_refused(pictures: Path, tmp_path: Path) -> None:
    """A start that was killed before anything was saved goes on with the very weights that it began with, or not."""
    experiment = _images(pictures / "other", tmp_path / "old")
    shutil.copytree(pictures / "run", tmp_path / "old")
    assert train_command(experiment, tmp_path / "run", resume=False) == 0
    for folder in ("checkpoints", "best"):
        shutil.rmtree(tmp_path / "run" / folder)
    shutil.rmtree(tmp_path / "old")
    assert train_command(_images(pictures / "data", seed=1), tmp_path / "old", resume=False) == 0
    with pytest.raises(UserError, match="has other weights than those that .* began with"):
        train_command(experiment, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("agent", "line"),
    [
        ({"memory_width": 9}, r"init: agent.memory_width is 9 here and 8 in .*give agent.memory_width=8"),
        ({"recurrent_core": "gru", "glimpse_width": 4}, r"init: agent.glimpse_width is 4 here and 8 in "),
    ],
)
def test_another_architecture_is_refused(pictures: Path, tmp_path: Path, agent: dict[str, Any], line: str) -> None:
    """The first option that differs is named in one line, and the new run's folder is given back."""
    with pytest.raises(UserError, match=line) as caught:
        train_command(_images(pictures / "data", pictures / "run", agent), tmp_path / "new", resume=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_another_agent_and_other_pictures_are_refused(pictures: Path, texts: Path, tmp_path: Path) -> None:
    """Another agent is named first; pictures with more colours say which weight does not fit, and what differs."""
    with pytest.raises(UserError, match="init: agent.name is reader here and ram in "):
        train_command(_texts(texts / "old.csv", pictures / "run"), tmp_path / "new", resume=False)
    shutil.copytree(pictures / "data", tmp_path / "coloured")
    for path in (tmp_path / "coloured").rglob("*.png"):
        Image.open(path).convert("RGB").point(lambda value: value // 2).save(path)
        Image.new("RGB", (8, 8), (250, 3, 7)).save(path)
    with pytest.raises(UserError, match=r"do not fit this agent: .*here and .*there; task.data differs"):
        train_command(_images(tmp_path / "coloured", pictures / "run"), tmp_path / "new", resume=False)


def test_other_tokens_are_refused(texts: Path, tmp_path: Path) -> None:
    """Weights of words mean nothing to another division of texts."""
    experiment = _texts(texts / "new.csv", texts / "run")
    task = experiment.task.model_copy(update={"tokens": "characters"})
    with pytest.raises(UserError, match="init: task.tokens is characters here and words in "):
        train_command(experiment.model_copy(update={"task": task}), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()


def test_options_of_learning_may_differ(pictures: Path, tmp_path: Path) -> None:
    """Weights of losses and sigma are no part of the architecture; sigma begins as the new config says."""
    agent = {"policy_weight": 0.5, "sigma": {"start": 0.2}, "label_smoothing": 0.1}
    experiment = _images(pictures / "data", pictures / "run", agent)
    assert train_command(experiment, tmp_path / "new", resume=False) == 0
    assert float(_first(tmp_path / "new")["locator.gaussian.sigma"]) == pytest.approx(0.2)


def test_schedules_of_looks_may_differ(pictures: Path, tmp_path: Path) -> None:
    """An agent that looked at random first can go on without that, and rewarded otherwise; a wider core cannot."""
    task = {"data": f"folder:{pictures / 'data'}", "glimpses": 2, "retina": {"patch": 3}, "glance": 8}
    agent = {"name": "anytime", "encoder": "mlp", "feature_width": 8, "memory_width": 8, "cells": 2}
    schedules = {"pretraining": 0.5, "saliency_prior": 0.5}
    first = _experiment({"name": "images", **task, "zoom": {"levels": 2}}, {**agent, **schedules})
    assert train_command(first, tmp_path / "first", resume=False) == 0

    def later(**changes: Any) -> Experiment:
        given = {"agent": {**first.agent.model_dump(), **changes}, "init": str(tmp_path / "first")}
        return Experiment.model_validate({**first.model_dump(), **given})

    other = later(pretraining=0.0, warm_up=0.2, saliency_prior=1.0)
    assert train_command(other, tmp_path / "later", resume=False) == 0
    with pytest.raises(UserError, match="init: agent.memory_width is 9 here and 8 in"):
        train_command(later(memory_width=9), tmp_path / "wider", resume=False)


def test_options_of_learning_are_options() -> None:
    """Each name of an option that may differ is one in the schema of configs."""
    known = set(re.findall(r'"(\w+)": ', json.dumps(Experiment.model_json_schema())))
    assert not _OF_LEARNING - known, _OF_LEARNING - known


def test_frozen_parts_are_equal_to_the_bit_after_training(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither updates nor weight decay nor the average change them; everything else moves."""
    options: dict[str, Any] = {"weight_decay": 0.5, "learning_rate": 0.1, "warmup": 0, "steps": 5, "ema_decay": 0.5}
    known = list(_best(pictures / "run"))
    part = next(name for name in known if name.startswith("core."))
    options["freeze"] = ("glimpse_network", part)
    assert train_command(_images(pictures / "data", pictures / "run", **options), tmp_path / "new", resume=False) == 0
    assert f"frozen: glimpse_network, {part}, " in capsys.readouterr().out
    last, old = load_newest(tmp_path / "new" / "checkpoints", pytest.fail), _best(pictures / "run")
    assert last is not None and last.step == 5
    for weights in (last.weights, last.state["learner"]["agent"]):
        frozen = [name for name in known if name.startswith("glimpse_network.") or name == part]
        assert len(frozen) > 4
        assert all(torch.equal(weights[name], old[name]) for name in frozen)
        assert not torch.equal(weights["classifier.weight"], old["classifier.weight"])
        assert not torch.equal(weights["locator.mean.weight"], old["locator.mean.weight"])


def test_unknown_parts_and_nothing_left_are_refused(pictures: Path, tmp_path: Path) -> None:
    """The parts that there are are named; a prefix of a name is no part."""
    for wrong in ("glimpse_networks", "glimpse", "averaged"):
        line = f"no part '{wrong}'; its parts are glimpse_network, core, locator, classifier, baseline"
        with pytest.raises(UserError, match=line):
            train_command(_images(pictures / "data", freeze=(wrong,)), tmp_path / "new", resume=False)
    every = ("glimpse_network", "core", "locator", "classifier", "baseline")
    with pytest.raises(UserError, match="leaves nothing to be trained"):
        train_command(_images(pictures / "data", freeze=every), tmp_path / "new", resume=False)
