"""Tests of the page to play with in Chromium: what it draws, plays and clicks by itself is compared with torch."""

import html
import json
import re
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.inference.image_graphs import LookingStep
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import TrainedRun, open_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: it shows the page"),
    pytest.mark.xdist_group("chromium"),
]


@pytest.fixture(scope="module")
def ram() -> TrainedRun:
    """The zoo's mnist-ram."""
    return open_run(find_run("zoo:mnist-ram"), None, "cpu", print)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the page's self-test has done, in a narrow window."""
    folder = tmp_path_factory.mktemp("play")
    assert main(["report", "zoo:mnist-ram", "--play", str(folder / "ram.html")]) == 0
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=390,844", "--dump-dom"]
    command = [
        str(CHROMIUM),
        *options,
        f"--user-data-dir={folder / 'user'}",
        f"{(folder / 'ram.html').as_uri()}#selftest",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r'<pre[^>]*id="self-test"[^>]*>(.*?)</pre>', shown, flags=re.DOTALL)
    assert found, "the page's script did not end"
    return json.loads(html.unescape(found[1]))


def torch_looks(ram: TrainedRun, picture: list[int], start: list[float]) -> tuple[Any, Any]:
    """Play a greedy episode with torch; returns probabilities (T, N) and locations (T, 2)."""
    step, seen = LookingStep(ram.agent, ram.env), torch.tensor(picture, dtype=torch.uint8).view(1, 1, 28, 28)
    location, memory, answers, looks = torch.tensor([start]), torch.zeros(1, 256), [], []
    for time in range(ram.agent.steps):
        looks.append(location)
        probabilities, location, memory = step(seen, location, torch.tensor([time]), memory)
        answers.append(probabilities)
    return torch.cat(answers), torch.cat(looks)


def check_looks(ram: TrainedRun, picture: list[int], looks: Any) -> int:
    """Compare looks of the page with torch's on the same picture, and return the answer."""
    probabilities, locations = torch_looks(ram, picture, looks[0]["location"])
    np.testing.assert_allclose([look["probabilities"] for look in looks], probabilities, atol=1e-4)
    np.testing.assert_allclose([look["location"] for look in looks], locations, atol=1e-4)
    return int(probabilities[-1].argmax())


def test_what_is_drawn_is_read(ram: TrainedRun, done: Any) -> None:
    """A seven that a mouse draws becomes a picture as MNIST's are, and the page reads it as torch does: a seven."""
    drawn = np.array(done["drawn"]["picture"]).reshape(28, 28)
    rows, columns = (np.flatnonzero(drawn.max(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    middle = [(drawn * (place + 0.5)).sum() / drawn.sum() for place in np.indices((28, 28))]
    assert np.abs(np.array(middle) - 14).max() <= 0.5
    assert check_looks(ram, done["drawn"]["picture"], done["drawn"]["looks"]) == 7
    assert re.fullmatch(r"It answers after 6 looks: 7 \(\d+ %\)\.", done["drawn"]["status"])
    assert (done["drawn"]["bars"], done["drawn"]["strip"]) == (10, 6)


def test_a_picture_of_the_set_is_read(ram: TrainedRun, done: Any) -> None:
    """`Another picture` shows one with its label, and the page says whether the answer is right."""
    taken = done["taken"]
    answer = check_looks(ram, taken["picture"], taken["looks"])
    judged = "which is right." if answer == taken["label"] else f"but it is {taken['label']}."
    assert taken["status"].startswith(f"It answers after 6 looks: {answer} (") and taken["status"].endswith(judged)


def test_rounds_are_played_by_mouse_and_keys(ram: TrainedRun, done: Any) -> None:
    """Clicks and keys look where they should, through windows of the agent's size, and answers are taken in turn."""
    for turn in done["rounds"]:
        assert turn["answers"] == [1, turn["label"]]
        first, second = (np.array(look["location"]) for look in turn["looks"])
        np.testing.assert_allclose(first, [-0.3, 0.2], atol=0.01)  # A dot of the screen is the finest that a mouse has.
        np.testing.assert_allclose(second - first, [2 * 2 / 28, 2 / 28], atol=1e-6)  # Two pixels, and one with Shift.
        picture = torch.tensor(turn["picture"], dtype=torch.uint8).view(1, 1, 28, 28)
        for look in turn["looks"]:
            seen = ram.env.observation_of(picture, torch.tensor([look["location"]]), torch.tensor([0]))["glimpse"]
            np.testing.assert_allclose(look["glimpse"], seen.flatten(), atol=1e-6)
        answer = check_looks(ram, turn["picture"], turn["agent"])
        judged = "right" if answer == turn["label"] else f"wrong ({answer})"
        wanted = f"It is {turn['label']}: you are right after 2 looks, the agent is {judged} after 6 looks."
        assert turn["status"] == wanted
    assert done["rounds"][0]["picture"] != done["rounds"][1]["picture"]


def test_the_curve_counts_both(ram: TrainedRun, done: Any) -> None:
    """The table has the shares of right answers; after the reader's last answer that one stands."""
    looks, you, agent = done["table"]
    assert looks == ["looks", "1", "2", "3", "4", "5", "6"]
    first = 50 * sum(turn["label"] == 1 for turn in done["rounds"])
    assert you == ["you", f"{first}", *["100"] * 5]
    right = [check_looks(ram, turn["picture"], turn["agent"]) == turn["label"] for turn in done["rounds"]]
    assert agent == ["agent", *["–"] * 5, f"{50 * sum(right)}"]  # It was trained to answer after the last look only.


def test_nothing_is_wider_than_a_phone(done: Any) -> None:
    """At 390 pixels the page does not scroll sideways."""
    assert done["overflow"] == 0
