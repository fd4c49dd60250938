"""Tests of the page to play with: one small file without a network, and what is refused."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.human_glimpses import RIGHT_AFTER
from glimpse.envs.images.image_data import load_images
from glimpse.errors import UserError
from glimpse.reporting.play import play_page
from glimpse.reporting.play.page_pictures import MOST, PagePictures, page_pictures, scaled_digit
from glimpse.reporting.play.page_weights import page_weights
from glimpse.reporting.play.play_data import people_shares, refuse_unplayable
from glimpse.runs.rollout import play
from glimpse.runs.run_source import find_run, zoo_folder, zoo_names
from glimpse.runs.trained_run import TrainedRun, open_run
from tests.made_up_people import install_people

SMALL = ["train.steps=1", "train.batch=4", "threads=1", "track.mode=disabled"]


@pytest.fixture
def ram(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TrainedRun:
    """The zoo's mnist-ram, where MNIST is not at hand."""
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    monkeypatch.setenv("GLIMPSE_CACHE", str(tmp_path / "cache"))
    return open_run(find_run("zoo:mnist-ram"), None, "cpu", print)


def data_of(page: Path) -> dict[str, Any]:
    """Return the data in a page."""
    [found] = re.findall(r'<script type="application/json" id="run">(.*?)</script>', page.read_text(encoding="utf-8"))
    data: dict[str, Any] = json.loads(found)
    return data


def test_the_page_is_one_small_file(ram: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`glimpse report NAME --play FILE` writes one file of at most 1 MB, which names nothing outside of it."""
    page = tmp_path / "new" / "ram.html"
    assert main(["report", "zoo:mnist-ram", "--play", str(page)]) == 0
    assert capsys.readouterr().out == f"{page} ({page.stat().st_size:,} bytes)\n"
    assert [path.name for path in page.parent.iterdir()] == ["ram.html"]
    assert page.stat().st_size <= 1_000_000
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|\b(src|href)=|@import|\burl\(|\bimport\b[ (]|fetch\(|XMLHttp|WebSocket", text)
    data = data_of(page)
    assert len(data["labels"]) == MOST and data["classes"] == [*"0123456789"] and not data["answersEarly"]
    assert data["source"].startswith("scikit-learn's digits") and str(tmp_path) not in text


def test_the_weights_are_those_of_the_run_in_half_precision(ram: TrainedRun) -> None:
    """Two bytes for each number, the low one first; what only training needs is left out."""
    weights = page_weights({"core.a": torch.tensor([1.0, -2.0]), "baseline.weight": torch.ones(3)})
    assert weights.table == [("core.a", [2], 16)] and weights.numbers == "ADwAwA=="  # 0x3c00 and 0xc000.
    with pytest.raises(UserError, match="core.a are above 65,504, .*[^\n]*$"):
        page_weights({"core.a": torch.tensor([70_000.0])})
    known = ram.agent.state_dict()
    own, numbers = page_weights(known), io.BytesIO()
    for name, shape, bits in own.table:
        assert bits == 16 and shape == list(known[name].shape)
        numbers.write(known[name].half().numpy().tobytes())
    assert base64.b64decode(own.numbers) == numbers.getvalue()


def test_a_matrix_that_8_bits_hold_has_8_bits() -> None:
    """Two scales of half precision, then whole numbers; one number that is between two makes it half precision."""
    whole = torch.arange(2 * 512).view(2, 512) % 255 - 127
    matrix = whole * torch.tensor([[0.5], [2.0]])
    held = base64.b64decode(page_weights({"core.a": matrix}).numbers)
    assert held[:4] == bytes([0, 0x38, 0, 0x40]) and held[4:] == whole.to(torch.int8).numpy().tobytes()
    matrix[1, 3] += 0.125
    assert page_weights({"core.a": matrix}).table == [("core.a", [2, 512], 16)]


@pytest.mark.parametrize(
    "name", [name for name in zoo_names() if load_experiment(zoo_folder() / name / "config.yaml").agent.name == "ram"]
)
def test_each_ram_of_the_zoo_has_a_page(name: str) -> None:
    """With the fewest pictures of its size, it has at most 1 MB."""
    trained = open_run(find_run(f"zoo:{name}"), None, "cpu", print)
    refuse_unplayable(trained)
    side = trained.env.retina.height, trained.env.retina.width
    shown = PagePictures(np.zeros((play_page.FEWEST, *side), np.uint8), [0] * play_page.FEWEST, "noise", 20)
    assert len(play_page._fitting_page(trained, name, shown)) <= play_page.MOST_BYTES


def test_digits_are_scaled_as_those_of_mnist_are() -> None:
    """A digit fills five sevenths of the picture; its centre of mass is in the middle, if there is room."""
    picture = scaled_digit(torch.full((8, 8), 200, dtype=torch.uint8), 28, 28)
    expected = torch.zeros(28, 28, dtype=torch.uint8)
    expected[4:24, 4:24] = 200
    assert torch.equal(picture, expected)
    column = torch.zeros(8, 8, dtype=torch.uint8)
    column[:, 2:4] = 255  # Its centre is at 7.5 of 20, so that the digit begins at column 14 - 7.5 = 6.5.
    mass = scaled_digit(column, 28, 28).float()
    centre = (mass.sum(0) * (torch.arange(28) + 0.5)).sum() / mass.sum()
    assert abs(float(centre) - 14) <= 0.5
    column[:, 2:4], column[:, 0] = 0, 255
    assert scaled_digit(column, 28, 28)[:, 8:10].float().mean() > 100  # There is no room to move it farther.


def test_the_agent_reads_the_scaled_digits(ram: TrainedRun) -> None:
    """RAM, trained on MNIST, reads nine of ten of scikit-learn's digits, as the page shows them."""
    shown = page_pictures(ram, print)
    assert len(shown.labels) == MOST and shown.pictures.shape == (MOST, 28, 28) and shown.side == 20
    digits = load_images("digits", "test")
    assert set(shown.labels) == set(range(10))
    images = torch.stack([scaled_digit(one[0], 28, 28) for one in digits.images]).unsqueeze(1)
    env = Classification(ram.env.options, digits.__class__(images, digits.labels, digits.classes))
    numbers = torch.arange(env.examples)
    episode = play(env, ram.agent, numbers, numbers, greedy=True)
    assert (episode.answer[-1].argmax(-1) == episode.label).float().mean() > 0.9


def test_the_pictures_of_a_run_are_its_own(tmp_path: Path) -> None:
    """Where a run's data are here, the page has its test pictures as the agent sees them, on the task's canvas."""
    words = ["digits-ram", *SMALL, "task.canvas.kind=translated", "task.canvas.size=14", "--run", str(tmp_path / "run")]
    assert main(["train", *words]) == 0
    assert main(["report", str(tmp_path / "run"), "--play", str(tmp_path / "play.html")]) == 0
    data = data_of(tmp_path / "play.html")
    assert (data["height"], data["width"], data["digitSide"], data["centred"]) == (14, 14, 8, False)
    assert data["source"] == "test pictures of the run's data" and data["name"] == "run"
    trained = open_run(tmp_path / "run", "test", "cpu", print)
    shown, digits = page_pictures(trained, print), load_images("digits", "test")
    wanted = digits.images[np.linspace(0, len(digits.labels) - 1, MOST).round()][:, 0].numpy()
    assert shown.labels == digits.labels[np.linspace(0, len(digits.labels) - 1, MOST).round()].tolist()
    assert shown.pictures.sum((1, 2)).tolist() == wanted.sum((1, 2)).tolist()  # Each digit is whole, somewhere.


def test_pictures_that_are_not_here_and_are_no_digits(ram: TrainedRun) -> None:
    """Without its data, a run of other classes has no pictures; the error says how to get them."""
    ram.env.classes = ("cat", "dog")
    with pytest.raises(DataError, match="mnist"):
        page_pictures(ram, print)


def test_what_does_not_fit_is_left_out_or_refused(ram: TrainedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer pictures make the page small enough; a page without room for eight is refused."""
    shown = page_pictures(ram, print)
    whole = len(play_page._fitting_page(ram, "ram", shown))
    monkeypatch.setattr(play_page, "MOST_BYTES", whole - 12_000)
    fewer = play_page._fitting_page(ram, "ram", shown)
    assert whole - 14_500 < len(fewer) <= whole - 12_000
    monkeypatch.setattr(play_page, "MOST_BYTES", whole - 40_000)
    with pytest.raises(UserError, match="^a page of [^\n]* narrower networks [^\n]*$"):
        play_page._fitting_page(ram, "ram", shown)


@pytest.mark.parametrize(
    "words, why",
    [
        (["digits-ram", "agent.name=path"], "is path on digits"),
        (["mnist-mlp", "task.data=digits"], "is mlp on mnist"),
        (["digits-ram", "task.view=whole"], "has task.view: whole"),
    ],
)
def test_other_agents_are_refused(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page cannot play is refused in a line that says why, and nothing is written."""
    assert main(["train", *words, *SMALL, "--run", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["report", str(tmp_path / "run"), "--play", str(tmp_path / "play.html")]) == 2
    assert re.search(f"^[^\n]*RAM or the anytime agent alone[^\n]*{why}[^\n]*\n$", capsys.readouterr().err)
    assert not (tmp_path / "play.html").exists()


def test_other_cores_colours_files_and_tasks_are_refused(
    ram: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are cores of other packages, coloured pictures, texts, and a file that is no page."""
    ram.agent.options = ram.agent.options.model_copy(update={"recurrent_core": "other"})
    with pytest.raises(UserError, match="recurrent_core rnn, gru, lstm, and .* has other$"):
        refuse_unplayable(ram)
    ram.env._images = torch.zeros(0, 3, 28, 28, dtype=torch.uint8)
    with pytest.raises(UserError, match="have 3 channels$"):
        refuse_unplayable(ram)
    assert main(["report", "zoo:sst2-attention", "--play", str(tmp_path / "play.html")]) == 2
    assert main(["report", "zoo:mnist-ram", "--play", str(tmp_path / "play.txt")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "is reader on" in lines[0] and "ends in .html, such as play.html" in lines[1]


@pytest.fixture
def anytime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainedRun:
    """A run of people-anytime on made-up digits."""
    install_people(tmp_path / "data", monkeypatch)
    words = ["people-anytime", *SMALL, "agent.memory_width=8", "--folder", str(tmp_path / "run")]
    assert main(["train", *words]) == 0
    return open_run(tmp_path / "run", None, "cpu", print)


def test_people_are_beside_agents_that_see_as_they_did(anytime: TrainedRun, tmp_path: Path) -> None:
    """The page has people's shares of windows of 5 x 5 pixels on MNIST, and nothing else of theirs."""
    page = tmp_path / "page.html"
    assert main(["report", str(anytime.folder.path), "--play", str(page)]) == 0
    data = data_of(page)
    assert data["people"] == list(RIGHT_AFTER) and data["agent"] == "anytime" and data["cells"] == 7
    assert data["title"] == "The anytime agent on mnist" and data["answersEarly"]
    assert not any(name.startswith(("worth", "random_looks", "ramp")) for name, *_ in data["weights"])


@pytest.mark.parametrize("changed", ["data", "canvas", "patch", "scales"])
def test_people_saw_nothing_else(changed: str, anytime: TrainedRun) -> None:
    """Other digits, a canvas, and other windows are no comparison."""
    words = {"data": "task.data=digits", "canvas": "task.canvas.kind=translated"}
    words |= {"patch": "task.retina.patch=8", "scales": "task.retina.scales=2"}
    other = load_experiment("people-anytime", ["task.exclude=null", words[changed]])
    env = Classification(other.task, anytime.env.load_data(other.task, "test"))  # type: ignore[arg-type]
    assert people_shares(replace(anytime, experiment=other, env=env)) is None
    assert people_shares(anytime) is not None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["agent.encoder=conv"], "agent.encoder mlp, and .* has conv"),
        (["task.stop=true"], "has task.stop"),
        (["task.glance=7"], "has task.glance"),
    ],
)
def test_anytime_agents_that_the_page_does_not_know(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other encoders, a glance and stopping are refused in one line."""
    run = ["digits-anytime", "task.zoom=null", "task.glance=null", "agent.encoder=mlp", *words]
    assert main(["train", *run, *SMALL, "--folder", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["report", str(tmp_path / "run"), "--play", str(tmp_path / "play.html")]) == 2
    assert re.search(f"^[^\n]*RAM or the anytime agent alone[^\n]*{why}[^\n]*\n$", capsys.readouterr().err)
