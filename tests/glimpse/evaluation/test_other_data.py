"""Tests of evaluations on other data: classes go by name, and what the agent observes stays as it was trained."""

import json
import shutil
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import config_path
from glimpse.config.other_data import read_other_data
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.data.kept_classes import class_of_folder
from glimpse.training.train import train_command


def _train(task: dict[str, Any], agent: dict[str, Any], run: Path) -> None:
    experiment = {
        "task": task,
        "agent": agent,
        "train": {"steps": 4, "batch": 8, "evaluate_every": 4, "precision": "float32"},
        "evaluate": {"copies": 2, "precision": "float32"},
        "track": {"mode": "disabled"},
        "threads": 1,
    }
    assert train_command(Experiment.model_validate(experiment), run, resume=False) == 0


def _records(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "evaluation.json").read_text()))


def _greedy(record: dict[str, Any]) -> dict[str, Any]:
    """Return the score of the agent's greedy episodes."""
    return dict(next(iter(record["scores"].values()))["greedy"])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train RAM on a folder of noisy dark and bright pictures and evaluate it; the folder holds `run` and `data`."""
    folder, noise = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for part in ("train", "test"):
        for shade, name in enumerate(("dark", "light")):
            (folder / "data" / part / name).mkdir(parents=True)
            for number in range(16):
                grey = (60 * shade + noise.integers(0, 120, (10, 10))).astype(np.uint8)
                Image.fromarray(grey).save(folder / "data" / part / name / f"{number}.png")
    task = {"name": "images", "data": f"folder:{folder}/data", "glimpses": 2, "retina": {"patch": 4, "scales": 1}}
    _train(task, {"name": "ram", "memory_width": 8}, folder / "run")
    assert main(["evaluate", str(folder / "run"), "--split", "test"]) == 0
    return folder


def test_classes_go_by_name(pictures: Path, tmp_path: Path) -> None:
    """The test pictures alone give the run's own result, and with their classes exchanged all errors are reversed."""
    shutil.copytree(pictures / "data/test", tmp_path / "same")
    shutil.copytree(pictures / "data/test/dark", tmp_path / "exchanged/light")
    shutil.copytree(pictures / "data/test/light", tmp_path / "exchanged/dark")
    own = _records(pictures / "run")["test"]
    found = []
    for name in ("same", "exchanged"):
        assert main(["evaluate", str(pictures / "run"), f"task.data=folder:{tmp_path / name}"]) == 0
        found.append(_records(pictures / "run")[f"test of folder:{tmp_path / name}"])
    assert _greedy(found[0]) == _greedy(own)
    assert _greedy(found[1])["error"] == pytest.approx(100 - _greedy(own)["error"])
    assert _records(pictures / "run")["test"] == own
    assert found[0]["overrides"] == [f"task.data=folder:{tmp_path / 'same'}"]


def test_a_folder_stands_for_a_class_with_a_slash() -> None:
    """A folder cannot be named `T-shirt/top`; an exact name comes first, and unknown ones stay as they are."""
    kept = ("T-shirt/top", "a/b", "a-b")
    names = ["T-shirt-top", "T-shirt_top", "a-b", "a_b", "Shirt"]
    assert [class_of_folder(name, kept) for name in names] == ["T-shirt/top", "T-shirt/top", "a-b", "a/b", "Shirt"]


def test_pictures_of_another_size_are_shown_on_a_canvas(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a canvas pictures may have any size; without one they are refused with the option that stretches them."""
    canvas = ["task.canvas.kind=translated", "task.canvas.size=20"]
    assert main(["evaluate", str(pictures / "run"), *canvas, "task.image_size=[6,7]"]) == 0
    # The same pictures, shown otherwise, are those of validation as long as the config is not a shipped one.
    assert "validation of" in (out := capsys.readouterr().out.replace("\n", " "))
    assert "canvas.size=20, image_size=[6, 7] error" in out
    assert main(["evaluate", str(pictures / "run"), "task.image_size=[6,7]"]) == 2
    assert "task.image_size=[10,10]" in capsys.readouterr().err


def test_other_observations_and_sections_are_refused(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the option that does not fit, and which may differ."""
    refused = {
        "task.retina.patch=3": "task.retina.patch=3 does not fit: the agent was trained with 4",
        "task.glimpses=3": "task.glimpses=3 does not fit: the agent was trained with 2",
        "task.view=whole": "task.view=whole does not fit",
        "task.name=mnist": "task.name: should be images",
        "agent.memory_width=4": "agent.memory_width: a trained run is evaluated on other data by options of its task",
        "seed=3": "seed: a trained run is evaluated on other data by options of its task",
        "task.dat=mnist": "task.dat: unknown key (did you mean 'task.data'?)",
        "task.data=mnist": "class '0' is none of the run's classes, which are 'dark', 'light'",
        "task.data": "an override has the form a.b=c",
    }
    before = _records(pictures / "run")
    for override, message in refused.items():
        assert main(["evaluate", str(pictures / "run"), override]) == 2
        printed = capsys.readouterr().err
        assert message in printed and printed.count("\n") == 1, printed
    assert main(["evaluate", str(pictures / "run"), "task.data=mnist", "--text", "a"]) == 2
    assert "takes no data" in capsys.readouterr().err
    assert _records(pictures / "run") == before


def test_a_whole_picture_keeps_its_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An agent that sees the whole canvas at once is given clutter, and no canvas of another size."""
    canvas = {"kind": "translated", "size": 12}
    _train({"name": "digits", "view": "whole", "glimpses": 1, "canvas": canvas}, {"name": "mlp"}, tmp_path / "run")
    clutter = ["task.canvas.kind=cluttered", "task.canvas.distractor_size=2"]
    assert main(["evaluate", str(tmp_path / "run"), "--split", "test", *clutter]) == 0
    for override in ("task.canvas.size=14", "task.canvas.kind=plain"):
        assert main(["evaluate", str(tmp_path / "run"), override]) == 2
        assert f"{override} does not fit" in capsys.readouterr().err


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a reader on a table with a test table of its own; the folder holds `run` and the tables."""
    folder = tmp_path_factory.mktemp("texts")
    for name, count in (("train", 20), ("own", 6)):
        rows = [f"{label},the film was {word}" for word, label in (("good", "yes"), ("bad", "no"))] * count
        (folder / f"{name}.csv").write_text("\n".join(["label,review", *rows, ""]))
    files = {"data": f"file:{folder}/train.csv", "test": f"file:{folder}/own.csv", "text": "review"}
    reader = {"name": "reader", "embedding_width": 4, "encoder": {"kind": "gru", "width": 4}}
    _train({"name": "text", "vectors": "none", **files}, reader, folder / "run")
    return folder


def test_all_of_another_table_is_evaluated(texts: Path, tmp_path: Path) -> None:
    """Neither the run's own test table nor a tenth of the other one is shown; columns may have other names."""
    (tmp_path / "a.csv").write_text("label,review\n" + "yes,a good film\nno,never seen words\nyes,good\n")
    (tmp_path / "b.csv").write_text("stars,body\n" + "no,bad\n" * 5)
    assert main(["evaluate", str(texts / "run"), f"task.data=file:{tmp_path}/a.csv"]) == 0
    columns = ["task.text=body", "task.label=stars"]
    assert main(["evaluate", str(texts / "run"), f"task.data=file:{tmp_path}/b.csv", *columns]) == 0
    assert main(["evaluate", str(texts / "run"), f"task.test=file:{tmp_path}/a.csv"]) == 0
    found = _records(texts / "run")
    assert _greedy(found[f"test of file:{tmp_path}/a.csv"])["episodes"] == 3
    assert _greedy(found[f"test of file:{tmp_path}/b.csv, label=stars, text=body"])["episodes"] == 5
    of_test = found[f"test of file:{texts}/train.csv, test=file:{tmp_path}/a.csv"]
    assert _greedy(of_test) == _greedy(found[f"test of file:{tmp_path}/a.csv"])


def test_texts_that_do_not_fit_are_refused(texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown classes, scores and pairs are refused, each with its reason."""
    (tmp_path / "new.csv").write_text("label,review,more\nyes,good,a\nperhaps,well,b\n")
    (tmp_path / "fit.csv").write_text("label,review,more\nyes,good,a\nno,well,b\n")
    refused = {
        (f"task.data=file:{tmp_path}/new.csv",): "class 'perhaps' is none of the run's classes",
        (f"task.data=file:{tmp_path}/fit.csv", "task.text2=more"): "they show text, text2, and its own text",
        (f"task.data=file:{tmp_path}/fit.csv", "task.lower=false"): "task.lower=false does not fit",
        (f"task.data=file:{tmp_path}/none.csv",): "none.csv",
    }
    for overrides, message in refused.items():
        assert main(["evaluate", str(texts / "run"), *overrides]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_options_of_data_exist(name: str) -> None:
    """Each environment names options of its own that may differ, never its name and never all of them."""
    options = resolve_name(ENVIRONMENTS[name].options)
    assert options.of_data
    assert options.of_data < set(options.model_fields) - {"name"}


def test_the_reward_of_a_search_may_differ() -> None:
    """It is not observed, and data without evidence can be evaluated by the answers alone."""
    config = Path(config_path("evidence-fever"))
    task: Any = read_other_data(config, ["task.data=file:q.jsonl", "task.reward=answer"]).experiment.task
    assert (task.reward, task.data) == ("answer", "file:q.jsonl")
