"""Report of a run on images: complete, self-contained, well formed, reproducible, and without test images."""

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
from glimpse.reporting.report import report_command
from glimpse.runs.build import make_agent
from glimpse.runs.checkpoint import Checkpoint, save_checkpoint
from glimpse.runs.kept_data import training_envs
from glimpse.runs.metrics_log import MetricsLog
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("report")

SECTIONS = ["results", "training", "diagnostics", "paths", "glimpses", "locations", "mistakes", "config"]
FILES = ["curves.png", "episode.gif", "heat.png", "index.html", "paths.png"]
RECURRENT = ("ram", "random", "centre", "raster")
VOID = {"img", "meta", "source", "br", "hr", "link", "input"}


def make_run(path: Path, **sections: Mapping[str, object]) -> Path:
    """Write a run folder with random weights: by default RAM with two glimpses on digits."""
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
    _, env = training_envs(experiment, folder, torch.device("cpu"))
    agent = make_agent(experiment, env)
    if isinstance(agent, RecurrentAttention) and agent.stop_policy is not None:
        stop_policy = agent.stop_policy.requires_grad_(False)
        stop_policy.decide.weight.mul_(40)  # Some episodes stop early, others do not.
        stop_policy.decide.bias.zero_()
    state = {"seconds": 7500.0, "trained_on": "a <fast> machine"}
    save_checkpoint(folder.checkpoints, Checkpoint(10, agent.state_dict(), state), keep=1)
    return path


def _ram(agent: Mapping[str, object]) -> dict[str, object]:
    """Return options of a small RAM, or none for agents without a recurrent core."""
    return {"name": "ram", "memory_width": 16} if agent.get("name", "ram") in RECURRENT else {}


def make_images(root: Path, classes: list[str]) -> None:
    """Write RGB images of 12 x 20 pixels, in a folder for each class."""
    random = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 1)):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(random.integers(0, 256, (12, 20, 3), np.uint8)).save(
                    root / part / name / f"{number}.png"
                )


def report_page(run: Path, episodes: int = 2) -> str:
    """Write a run's report and return its page."""
    report_command(run, None, episodes)
    return (run / "report" / "index.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Parser that checks that all tags are closed in order, and collects ids, tags and addresses."""

    def __init__(self, text: str) -> None:
        """Parse the page."""
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag, its id and its addresses."""
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("src", "href", "srcset", "action", "poster", "xlink:href"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag such as <path/>, which is closed at once."""
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the tag is the last one opened."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with metrics and an evaluation on validation data."""
    path = make_run(tmp_path_factory.mktemp("runs") / "small", track={"project": "<script>alert(1)</script>"})
    log = MetricsLog(path / "metrics.jsonl")
    log.write({"step": 5, "train/loss": 2.5, "train/entropy_of_stop": 0.1, "speed/seconds": 1.0})
    log.write(
        {"step": 10, "train/loss": float("nan"), "val/error_m10": 80.5, "val/best_error": 80.5, "speed/seconds": 2.0}
    )
    evaluate_command(path, "validation", 3, None, None)
    return path


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    """Return the page of that run."""
    return report_page(run)


def test_all_files_are_written_and_printed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are five files, whose paths are printed, and no temporary ones; the GIF has a frame for each moment."""
    report_command(run, None, 3)
    assert sorted(path.name for path in (run / "report").iterdir()) == FILES
    assert sorted(capsys.readouterr().out.split()) == sorted(str(run / "report" / name) for name in FILES)
    with GifImageFile(run / "report" / "episode.gif") as file:
        assert file.n_frames == 6


def test_the_page_is_well_formed_and_self_contained(text: str) -> None:
    """There are no scripts, and addresses are embedded data or anchors of the page."""
    page = Page(text)
    assert page.ids == SECTIONS
    assert [address for address in page.addresses if not address.startswith(("data:image/", "#"))] == []
    animated = re.findall(r'<source media="\(prefers-reduced-motion: reduce\)" srcset="data:image/webp', text)
    assert len(animated) == 2  # One for each episode.
    assert {address[1:] for address in page.addresses if address.startswith("#")} == set(SECTIONS)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_holds_the_table_the_curves_and_the_config(run: Path, text: str) -> None:
    """The page has all scores of evaluation.json with intervals, all metrics, and the escaped config."""
    scores = json.loads((run / "evaluation.json").read_text())["validation"]["scores"]
    assert len(scores) == 5
    for name, score in scores.items():
        cell = f"{score['averaged']['error']:.2f} <small>{score['averaged']['low']:.2f}"
        assert f'<th scope="row">{name}</th>' in text
        assert cell in text
    for head in ("Greedy", "M = 1", "M = 3", "Glimpses, M = 1"):
        assert f'<th scope="col">{head}</th>' in text
    assert "Training entropy of stop" in text and "alidation best error" not in text
    assert "Validation error, %, M = 10" in text  # Validation in training averages as many as the config says.
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "a &lt;fast&gt; machine" in text
    assert "of step 10, after 2 h 5 min" in text


def test_the_report_is_the_same_each_time(run: Path, tmp_path: Path) -> None:
    """All files are equal byte for byte."""
    report_page(run)
    report_command(run, tmp_path, 2)
    for name in FILES:
        assert (run / "report" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_only_validation_images_are_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report loads the validation split alone."""
    asked = []

    def noting(data: str, split: Literal["train", "validation", "test"], **options: Any) -> ImageData:
        asked.append(split)
        return load_images(data, split, **options)

    monkeypatch.setattr(classify, "load_images", noting)
    report_page(run)
    assert asked == ["validation"]


def test_a_run_without_metrics_and_evaluation(tmp_path: Path) -> None:
    """The page says what is missing and how to get it."""
    run = make_run(tmp_path / "bare")
    text = report_page(run)
    assert Page(text).ids == SECTIONS
    assert "Nothing has been logged yet" in text
    assert f"glimpse evaluate {run}" in text
    assert "Validation error, greedy" in text and "after each glimpse" not in text


def test_an_evaluation_on_the_test_set_comes_first(run: Path, tmp_path: Path) -> None:
    """The page says if it is of another step, and does not ask for an evaluation."""
    known = json.loads((run / "evaluation.json").read_text())
    tested = make_run(tmp_path / "tested")
    (tested / "evaluation.json").write_text(json.dumps({**known, "test": {**known["validation"], "step": 7}}))
    text = report_page(tested)
    assert text.index("Test error, %</h3>") < text.index("Validation error, %</h3>")
    assert "has not been evaluated" not in text
    assert "Measured at step 7; the examples are of step 10." in text


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"test": {"step": 1}}', '{"test": {"step": 1, "scores": {"ram": {}}}}']
)
def test_a_broken_evaluation_is_named(tmp_path: Path, content: str) -> None:
    """The error says how to evaluate again."""
    run = make_run(tmp_path / "run")
    (run / "evaluation.json").write_text(content)
    with pytest.raises(UserError, match=r"evaluation\.json.*glimpse evaluate"):
        report_command(run, None, 2)


def test_an_earlier_report_is_replaced_and_other_files_are_kept(run: Path, tmp_path: Path) -> None:
    """The folder given with --output may have other files."""
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    report_command(run, tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "notes.txt"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_an_output_that_cannot_be_written_is_named(run: Path, tmp_path: Path) -> None:
    """The output is a file and not a folder."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken"):
        report_command(run, tmp_path / "taken", 1)


def test_no_run_and_no_checkpoint(tmp_path: Path) -> None:
    """Both are errors of the user."""
    with pytest.raises(UserError, match="holds no run"):
        report_command(tmp_path / "none", None, 1)
    RunFolder.create(tmp_path / "new", dump_experiment(Experiment.model_validate(MINIMAL)))
    with pytest.raises(UserError, match="no checkpoint"):
        report_command(tmp_path / "new", None, 1)


MINIMAL = {"task": {"name": "digits"}, "agent": {"name": "ram"}, "train": {"steps": 1}}


def test_images_in_colour_of_many_classes_with_odd_names(tmp_path: Path) -> None:
    """Names are escaped, and the 20 most frequent of 22 classes have a heat map."""
    classes = [f'<i>kind & "{number}"' for number in range(22)]
    make_images(tmp_path / "data", classes)
    task = {"name": "images", "data": f"folder:{tmp_path / 'data'}", "retina": {"patch": 4, "scales": 2}, "glimpses": 3}
    run = make_run(tmp_path / "run", task=task, agent={"recurrent_core": "lstm"})
    text = report_page(run, episodes=50)
    page = Page(text)
    assert "i" in page.tags  # The bars.
    assert "<i>kind" not in text
    assert "&lt;i&gt;kind &amp; &#34;" in text
    assert re.search(r"The (1\d|20) most frequent of 22 classes are shown\.", text)
    assert "12 × 20, 22 classes" in text
    assert "22 images, spread" in text  # The split has no more.
    assert len(re.findall(r'class="patch"', text)) == 4 * 3 * 2


@pytest.mark.parametrize("agent", ["random", "centre", "raster"])
def test_controls_have_a_report_too(tmp_path: Path, agent: str) -> None:
    """With one glimpse, heat maps show the first location, and there are no diagnostics."""
    run = make_run(tmp_path / "run", task={"glimpses": 1}, agent={"name": agent})
    text = report_page(run)
    assert Page(text).ids == [name for name in SECTIONS if name != "diagnostics"]
    assert "is left out" not in text


def test_stopped_episodes_have_fewer_columns(tmp_path: Path) -> None:
    """The table of an episode has a column for each glimpse that was taken."""
    agent = {"memory_width": 256, "classification": "every_step"}
    run = make_run(tmp_path / "run", task={"glimpses": 5, "stop": True}, agent=agent)
    text = report_page(run, episodes=4)
    columns = [len(re.findall(r'<th scope="col">', film)) for film in text.split('<table class="film"')[1:]]
    assert len(columns) == 4
    assert len(set(columns)) > 1
    assert "Glimpses taken" in text and "at most 5 glimpses" in text
    shares = re.findall(r"\d: (\d+) %", text)
    assert len(shares) > 1 and sum(map(int, shares)) == pytest.approx(100, abs=len(shares))
    assert "its last answer counts" in text


def test_a_single_episode(run: Path) -> None:
    """The first image of the split is shown."""
    text = report_page(run, episodes=1)
    assert "The first image of the validation split" in text
    assert text.count('<table class="film"') == 1


def catch_run(path: Path, **task: object) -> Path:
    """Write the run of an untrained agent on Catch with a screen of 6 x 6 pixels."""
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
    agent = make_agent(experiment, training_envs(experiment, folder, torch.device("cpu"))[1])
    state = {"seconds": 5.0, "trained_on": "a machine"}
    save_checkpoint(folder.checkpoints, Checkpoint(10, agent.state_dict(), state), keep=1)
    return path


def test_an_environment_without_classes_has_a_report(tmp_path: Path) -> None:
    """Episodes succeed or fail; there are no probabilities, no maps by class, and no error after each glimpse."""
    run = catch_run(tmp_path / "run")
    evaluate_command(run, "validation", None, None, None)
    text = report_page(run, episodes=4)
    assert Page(text).ids == SECTIONS
    assert "Failures</h2>" in text and "Validation failures, %" in text
    assert "success" in text and "failure" in text
    assert "6 × 6" in text and " classes<" not in text and "each class" not in text
    assert 'class="belief' not in text and "M = 2" not in text and "after each glimpse" not in text
    assert "Density of locations, all episodes" in text and "Every episode on this page" in text


def test_a_replay_of_a_moving_screen_keeps_a_frame_for_each_glimpse(tmp_path: Path) -> None:
    """The ball is one row lower in each frame."""
    trained = open_run(catch_run(tmp_path / "run"), "validation", "cpu", pytest.fail)
    for episode in replay(trained.agent, trained.env, [0, 1, 2], trained.experiment.evaluate):
        assert episode.frames is not None and len(episode.frames) == len(episode.location)
        rows = [int((frame[0, :-1] == 255).any(1).nonzero()[0].max()) for frame in episode.frames]
        assert rows == list(range(rows[0], 5))  # One row per step, to the row above the paddle.
        assert episode.right == (episode.reward == 1)


@pytest.mark.parametrize("agent", ["mlp", "grid"])
def test_an_agent_that_sees_everything_has_a_report(tmp_path: Path, agent: str) -> None:
    """A whole-image classifier has no scanpaths, heat maps or diagnostics; soft attention shows where it reads."""
    sections: dict[str, dict[str, dict[str, object]]] = {
        "mlp": {"task": {"view": "whole", "glimpses": 1}, "agent": {"name": "mlp", "widths": [8]}},
        "grid": {"task": {"view": "whole", "glimpses": 3}, "agent": {"name": "grid", "patch": 4, "stride": 4}},
    }
    text = report_page(make_run(tmp_path / "run", **sections[agent]))
    missing = {"mlp": {"diagnostics", "locations"}, "grid": {"diagnostics"}}[agent]
    assert Page(text).ids == [name for name in SECTIONS if name not in missing]
    assert ("Scanpaths" in text) == (agent == "grid")
    assert ("brighter" in text) == (agent == "grid") and "has not seen" not in text and "greedy" not in text
