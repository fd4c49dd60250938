"""Tests of a run whose agent zooms on pictures of different sizes: training, evaluation, report and prediction."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glimpse
from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.errors import UserError
from glimpse.inference.onnx_export import graph_of
from glimpse.runs.trained_run import open_run
from glimpse.training.train import train_command


@pytest.fixture(scope="module", params=["sb3-a2c", "anytime"])
def run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Return a run of two steps of each agent that zooms, on a folder of coloured pictures, each of another size."""
    folder = tmp_path_factory.mktemp("zoomed")
    for part in ("train", "val", "test"):
        for kind, colour in (("blue", (0, 0, 250)), ("red", (250, 0, 0))):
            (folder / "data" / part / kind).mkdir(parents=True)
            for number in range(3):
                size = (30 + 9 * number, 20 + 7 * len(kind))
                Image.new("RGB", size, colour).save(folder / "data" / part / kind / f"{number}.png")
    task = {"name": "images", "data": f"folder:{folder / 'data'}", "zoom": {"levels": 3}, "glance": 6, "glimpses": 2}
    experiment = {
        "task": task,
        "agent": {"name": request.param},
        "train": {"steps": 2, "batch": 4, "evaluate_every": 2, "precision": "float32"},
        "evaluate": {"copies": 1, "precision": "float32"},
        "track": {"mode": "disabled"},
        "threads": 1,
    }
    assert train_command(Experiment.model_validate(experiment), folder / "run", resume=False) == 0
    return folder / "run"


def test_a_run_is_evaluated_and_reported(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both commands end well; the meaning says that pictures have any size, and the cost counts the glance."""
    assert main(["evaluate", str(run), "--split", "test"]) == 0 and main(["report", str(run)]) == 0
    assert json.loads((run / "meaning.json").read_text())["meaning"]["shape"] == [3, 0, 0]
    assert f"an episode: {3 * (6 * 6 + 2 * 8 * 8)} pixels" in capsys.readouterr().out
    assert (run / "report" / "index.html").is_file()


def test_a_picture_of_any_size_is_predicted(run: Path) -> None:
    """It keeps its size, and the drawing shows it."""
    picture = np.zeros((71, 13, 3), np.uint8)
    (found,) = glimpse.load(run).predict([picture])
    assert found.label in ("blue", "red") and len(found.locations) == 2
    assert found.drawing.startswith(b"\x89PNG")


def test_what_cannot_zoom_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RAM is refused in the config, and exporting is."""
    with pytest.raises(UserError, match=r"task\.zoom"):
        graph_of(open_run(run, None, "cpu", print))
    assert main(["train", "digits-ram", "task.zoom={levels: 3}", "--run", str(run.parent / "other")]) == 2
    assert "'ram' cannot choose a zoom: leave task.zoom out" in capsys.readouterr().err


def test_a_picture_is_answered_within_a_budget(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A budget of one look, or a threshold that no look is worth, answers after the first; others see both looks."""
    agent, picture = glimpse.load(run), np.zeros((31, 40), np.uint8)
    if agent.experiment.agent.name != "anytime":
        for option in ({"budget": 1}, {"threshold": 0.1}):
            with pytest.raises(UserError, match=f"^{next(iter(option))}: "):
                agent.predict(picture, **option)
        return
    whole = agent.predict(picture)
    for options, looks in (({"budget": 1}, 1), ({"budget": 9}, 2), ({"threshold": 1e6}, 1)):
        found = agent.predict(picture, **options)
        assert len(found.locations) == len(found.answers_over_time) == looks
        np.testing.assert_allclose(found.probabilities_over_time, whole.probabilities_over_time[:looks], atol=1e-6)
    assert len(agent.predict(picture, budget=1, greedy=False, rollouts=2).locations) == 1
    steps: list[int] = []
    counting = agent.module.register_forward_hook(lambda *_: steps.append(1))
    for options in ({"budget": 1}, {"budget": 1, "greedy": False, "rollouts": 2}, {}):
        agent.predict(picture, **options)
        steps.append(0)
    counting.remove()
    assert steps == [1, 0, 1, 1, 0, 1, 1, 0]  # Sampled answers go with the greedy looks that are drawn.
    file = run.parent / "picture.png"
    Image.fromarray(picture).save(file)
    capsys.readouterr()
    assert main(["predict", str(run), str(file), "--budget", "1", "--threshold", "0", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["prediction"]["locations"]) == 1
