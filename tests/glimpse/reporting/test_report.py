"""The report: complete, self-contained, well formed, the same each time, and free of test images."""

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.envs.images import classification as classify
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.errors import UserError
from glimpse.evaluation.evaluate import evaluate_command
from glimpse.evaluation.replay import replay
from glimpse.reporting.report import show_command
from glimpse.runs.build import make_agent, make_world
from glimpse.runs.checkpoint import Checkpoint, save_checkpoint
from glimpse.runs.run_folder import MetricsLog, RunFolder
from glimpse.runs.trained_run import open_run

SECTIONS = ["results", "training", "diagnostics", "paths", "glimpses", "places", "mistakes", "config"]
FILES = ["curves.png", "episode.gif", "heat.png", "index.html", "paths.png"]
RECURRENT = ("ram", "random", "centre", "raster")
VOID = {"img", "meta", "source", "br", "hr", "link", "input"}


def make_run(path: Path, **sections: Mapping[str, object]) -> Path:
    """A run as training leaves it, with random weights: RAM with two glimpses at digits, unless told otherwise."""
    experiment = Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 2, **sections.get("task", {})},
            "agent": {**_ram(sections.get("agent", {})), **sections.get("agent", {})},
            "train": {"steps": 10},
            "track": sections.get("track", {}),
            "threads": 1,
            "seed": 5,
        }
    )
    folder = RunFolder.create(path, dump_experiment(experiment))
    world = make_world(experiment, "validation", torch.device("cpu"))
    agent = make_agent(experiment, world)
    if isinstance(agent, RecurrentAttention) and agent.stopper is not None:
        stopper = agent.stopper.requires_grad_(False)
        stopper.decide.weight.mul_(40)  # So that some stop early and some do not.
        stopper.decide.bias.zero_()
    state = {"seconds": 7500.0, "trained_on": "a <fast> machine"}
    save_checkpoint(folder.checkpoints, Checkpoint(10, agent.state_dict(), state), keep=1)
    return path


def _ram(agent: Mapping[str, object]) -> dict[str, object]:
    """A small one, unless another agent is named."""
    return {"name": "ram", "memory_width": 16} if agent.get("name", "ram") in RECURRENT else {}


def make_images(root: Path, classes: list[str]) -> None:
    """RGB images of 12 x 20 pixels, a folder for each class."""
    random = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 1)):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(random.integers(0, 256, (12, 20, 3), np.uint8)).save(
                    root / part / name / f"{number}.png"
                )


def show(run: Path, episodes: int = 2) -> str:
    """The page of a run's report."""
    show_command(run, None, episodes)
    return (run / "report" / "index.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Checks that what is opened is closed, in order, and collects what the page refers to."""

    def __init__(self, text: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("src", "href", "srcset", "action", "poster", "xlink:href"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag such as <path/> is closed at once."""
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must be the last that was opened."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with metrics and an evaluation on validation data."""
    path = make_run(tmp_path_factory.mktemp("runs") / "small", track={"project": "<script>alert(1)</script>"})
    log = MetricsLog(path / "metrics.jsonl")
    log.write({"step": 5, "loss": 2.5, "entropy_of_stop": 0.1, "seconds": 1.0})
    log.write({"step": 10, "loss": float("nan"), "validation_error": 80.5, "seconds": 2.0})
    evaluate_command(path, "validation", 3, None, None)
    return path


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    """The page of that run."""
    return show(run)


def test_everything_is_written_and_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five files, named on the terminal; a GIF frame for each moment of two glimpses; no temporary file stays."""
    show_command(run, None, 3)
    assert sorted(path.name for path in (run / "report").iterdir()) == FILES
    assert sorted(capsys.readouterr().out.split()) == sorted(str(run / "report" / name) for name in FILES)
    with GifImageFile(run / "report" / "episode.gif") as file:
        assert file.n_frames == 6


def test_the_page_is_well_formed_and_self_contained(text: str) -> None:
    """Nothing is fetched and nothing runs: addresses are the picture itself or a place on the page."""
    page = Page(text)
    assert page.ids == SECTIONS
    assert [address for address in page.addresses if not address.startswith(("data:image/", "#"))] == []
    assert len([address for address in page.addresses if address.startswith("data:image/gif")]) == 1
    assert {address[1:] for address in page.addresses if address.startswith("#")} == set(SECTIONS)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_holds_the_table_the_curves_and_the_config(run: Path, text: str) -> None:
    """The numbers of evaluation.json with their intervals, each control, each metric, and the escaped config."""
    scores = json.loads((run / "evaluation.json").read_text())["validation"]["scores"]
    assert len(scores) == 5
    for name, score in scores.items():
        cell = f"{score['averaged']['error']:.2f} <small>{score['averaged']['low']:.2f}"
        assert f'<th scope="row">{name}</th>' in text
        assert cell in text
    assert "Mean of 3" in text
    assert "Entropy of stop" in text
    assert "Validation error, %" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "a &lt;fast&gt; machine" in text
    assert "of step 10, after 2 h 5 min" in text


def test_the_report_is_the_same_each_time(run: Path, tmp_path: Path) -> None:
    """To the byte, in every file."""
    show(run)
    show_command(run, tmp_path, 2)
    for name in FILES:
        assert (run / "report" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_only_validation_images_are_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test set is measured by `glimpse evaluate` and looked at by nobody."""
    asked = []

    def noting(data: str, split: Literal["train", "validation", "test"], **options: Any) -> ImageData:
        asked.append(split)
        return load_images(data, split, **options)

    monkeypatch.setattr(classify, "load_images", noting)
    show(run)
    assert asked == ["validation"]


def test_a_run_without_metrics_and_evaluation(tmp_path: Path) -> None:
    """The page says what is missing and how to make it."""
    run = make_run(tmp_path / "bare")
    text = show(run)
    assert Page(text).ids == SECTIONS
    assert "Nothing has been logged yet" in text
    assert f"glimpse evaluate {run}" in text
    assert "Validation error after each glimpse" in text


def test_an_evaluation_on_the_test_set_comes_first(run: Path, tmp_path: Path) -> None:
    """And nobody is asked for one any more; where it is of another step, that is said."""
    known = json.loads((run / "evaluation.json").read_text())
    tested = make_run(tmp_path / "tested")
    (tested / "evaluation.json").write_text(json.dumps({**known, "test": {**known["validation"], "step": 7}}))
    text = show(tested)
    assert text.index("Test error, %") < text.index("Validation error, %")
    assert "Test error after each glimpse" in text
    assert "has not been measured" not in text
    assert "Measured at step 7; the pictures are of step 10." in text


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"test": {"step": 1}}', '{"test": {"step": 1, "scores": {"ram": {}}}}']
)
def test_a_broken_evaluation_is_named(tmp_path: Path, content: str) -> None:
    """With the way out."""
    run = make_run(tmp_path / "run")
    (run / "evaluation.json").write_text(content)
    with pytest.raises(UserError, match=r"evaluation\.json.*glimpse evaluate"):
        show_command(run, None, 2)


def test_an_earlier_report_is_replaced_and_nothing_else(run: Path, tmp_path: Path) -> None:
    """A folder given with --output may hold other things."""
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    show_command(run, tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "notes.txt"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_an_output_that_cannot_be_written_is_named(run: Path, tmp_path: Path) -> None:
    """Here it is a file."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken"):
        show_command(run, tmp_path / "taken", 1)


def test_no_run_and_no_checkpoint(tmp_path: Path) -> None:
    """Both are the user's to mend."""
    with pytest.raises(UserError, match="holds no run"):
        show_command(tmp_path / "none", None, 1)
    RunFolder.create(tmp_path / "new", dump_experiment(Experiment.model_validate(MINIMAL)))
    with pytest.raises(UserError, match="no checkpoint"):
        show_command(tmp_path / "new", None, 1)


MINIMAL = {"task": {"name": "digits"}, "agent": {"name": "ram"}, "train": {"steps": 1}}


def test_images_in_colour_of_many_classes_with_odd_names(tmp_path: Path) -> None:
    """Not square, two scales, an LSTM; names are shown as they are, and of 22 classes the 20 commonest get a map."""
    classes = [f'<i>kind & "{number}"' for number in range(22)]
    make_images(tmp_path / "data", classes)
    task = {"name": "images", "data": f"folder:{tmp_path / 'data'}", "retina": {"patch": 4, "scales": 2}, "glimpses": 3}
    run = make_run(tmp_path / "run", task=task, agent={"core": "lstm"})
    text = show(run, episodes=50)
    page = Page(text)
    assert "i" in page.tags  # The bars.
    assert "<i>kind" not in text
    assert "&lt;i&gt;kind &amp; &quot;" in text
    assert re.search(r"Of 22 classes the (1\d|20) commonest are here\.", text)
    assert "12 × 20, 22 classes" in text
    assert "22 images, spread" in text  # The split has no more.
    assert len(re.findall(r'class="patch"', text)) == 4 * 3 * 2


@pytest.mark.parametrize("agent", ["random", "centre", "raster"])
def test_controls_have_a_report_too(tmp_path: Path, agent: str) -> None:
    """With one glimpse only: then the map shows the first, and no look was chosen that could be diagnosed."""
    run = make_run(tmp_path / "run", task={"glimpses": 1}, agent={"name": agent})
    text = show(run)
    assert Page(text).ids == [name for name in SECTIONS if name != "diagnostics"]
    assert "is left out" not in text


def test_episodes_that_stop_are_shown_as_short_as_they_were(tmp_path: Path) -> None:
    """A film has a column for each glimpse that was taken."""
    run = make_run(tmp_path / "run", task={"glimpses": 5, "stop": True}, agent={"memory_width": 256})
    text = show(run, episodes=4)
    columns = [len(re.findall(r'<th scope="col">', film)) for film in text.split('<table class="film"')[1:]]
    assert len(columns) == 4
    assert len(set(columns)) > 1
    assert "Glimpses taken" in text and "at most 5 glimpses" in text
    shares = re.findall(r"\d: (\d+) %", text)
    assert len(shares) > 1 and sum(map(int, shares)) == pytest.approx(100, abs=len(shares))
    assert "its last answer counts" in text


def test_a_single_episode(run: Path) -> None:
    """It is the first image of the split."""
    text = show(run, episodes=1)
    assert "The first image of the validation split" in text
    assert text.count('<table class="film"') == 1


def catch_run(path: Path, **task: object) -> Path:
    """An untrained player's run in a court of six by six pixels."""
    retina = {"patch": 2, "scales": 2}
    experiment = Experiment.model_validate(
        {
            "task": {"name": "catch", "screen": 6, "start_rows": 2, "retina": retina, **task},
            "agent": {"name": "player", "memory_width": 16},
            "train": {"steps": 10},
            "evaluate": {"copies": 2, "batch": 5000},
            "threads": 1,
        }
    )
    folder = RunFolder.create(path, dump_experiment(experiment))
    agent = make_agent(experiment, make_world(experiment, "validation", torch.device("cpu")))
    state = {"seconds": 5.0, "trained_on": "a machine"}
    save_checkpoint(folder.checkpoints, Checkpoint(10, agent.state_dict(), state), keep=1)
    return path


def test_a_world_without_classes_has_a_report(tmp_path: Path) -> None:
    """Episodes succeed or fail; nothing is believed, no class has a map, and no error is known before the end."""
    run = catch_run(tmp_path / "run")
    evaluate_command(run, "validation", None, None, None)
    text = show(run, episodes=4)
    assert Page(text).ids == SECTIONS
    assert "Failures</h2>" in text and "Validation failures, %" in text
    assert "success" in text and "failure" in text
    assert "6 × 6" in text and " classes<" not in text and "each class" not in text
    assert 'class="belief' not in text and "Mean of 2" not in text and "after each glimpse" not in text
    assert "Heat map of all episodes" in text


def test_where_the_screen_moves_each_glimpse_is_drawn_on_its_own(tmp_path: Path) -> None:
    """The ball falls: a replay keeps a frame for each glimpse, the last picture shows where it came down."""
    trained = open_run(catch_run(tmp_path / "run"), "validation", "cpu", pytest.fail)
    for episode in replay(trained.agent, trained.world, [0, 1, 2], trained.experiment.evaluate):
        assert episode.frames is not None and len(episode.frames) == len(episode.place)
        rows = [int((frame[0, :-1] == 255).any(1).nonzero()[0].max()) for frame in episode.frames]
        assert rows == list(range(rows[0], 5))  # A row a step, to the one above the paddle's.
        assert episode.right == (episode.reward == 1)


@pytest.mark.parametrize("agent", ["mlp", "grid"])
def test_an_agent_that_sees_everything_has_a_report(tmp_path: Path, agent: str) -> None:
    """A classifier looks nowhere, so there are no paths, maps or diagnostics; soft attention shows where it reads."""
    sections: dict[str, dict[str, dict[str, object]]] = {
        "mlp": {"task": {"view": "whole", "glimpses": 1}, "agent": {"name": "mlp", "widths": [8]}},
        "grid": {"task": {"view": "whole", "glimpses": 3}, "agent": {"name": "grid", "patch": 4, "stride": 4}},
    }
    text = show(make_run(tmp_path / "run", **sections[agent]))
    missing = {"mlp": {"diagnostics", "places"}, "grid": {"diagnostics"}}[agent]
    assert Page(text).ids == [name for name in SECTIONS if name not in missing]
    assert ("Scan paths" in text) == (agent == "grid")
    assert ("brighter" in text) == (agent == "grid") and "has not seen" not in text and "greedy" not in text
