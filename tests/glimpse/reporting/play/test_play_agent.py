"""Tests of the scripts of the page to play with, under Node: the agent's episodes are those of torch."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import glimpse.reporting.play
from glimpse.config.files import load_experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.reporting.play.page_pictures import PagePictures
from glimpse.reporting.play.play_data import play_data, refuse_unplayable
from glimpse.runs.build import make_agent
from glimpse.runs.rollout import play
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import open_run

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: it runs the page's script")
SCRIPTS = Path(glimpse.reporting.play.__path__[0])
EPISODES = (
    "given.pictures.map((picture, n) => playEpisode(given.run, readWeights(given.run), picture, given.starts[n]))"
)
SMALL = ["agent.memory_width=16", "agent.feature_width=12", "agent.glimpse_width=8"]
ANYTIME = [
    "people-anytime",
    "task.initial_location=random",
    *SMALL[:2],
    "agent.encoder.widths=[8, 6]",
    "agent.policy_width=8",
]
RUNS = {
    "rnn": ["translated-ram", *SMALL, "task.canvas.size=30", "task.retina.patch=5", "task.retina.scales=1"],
    "lstm of three scales": ["translated-ram", *SMALL, "agent.recurrent_core=lstm", "task.canvas.size=31"],
    "anytime on a grid": [*ANYTIME, "agent.cells=4"],
    "anytime, offsets, two scales": [*ANYTIME, "agent.look_policy=both", "agent.cells=3", "task.retina.scales=2"],
    "anytime, Gaussian, lstm": [*ANYTIME, "agent.look_policy=gaussian", "agent.recurrent_core=lstm"],
    "gru that stops": ["mnist-stop-01", *SMALL, "agent.recurrent_core=gru", "agent.locator_width=0"],
}
"""Runs of untrained agents, as words of a command line, by what is special to them."""


def untrained(words: list[str]) -> Any:
    """Return a run of an agent with random weights of half precision; nothing is trained or read."""
    experiment = load_experiment(words[0], words[1:])
    random = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (12, 1, 14, 12), dtype=torch.uint8, generator=random)
    env = Classification(experiment.task, ImageData(images, torch.arange(12) % 3, ("cat", "dog", "owl")))  # type: ignore[arg-type]
    agent = make_agent(experiment, env).eval().requires_grad_(False)
    agent.set_progress(1.0)  # No agent looks at random any more, as some do at first.
    if getattr(agent, "stop_policy", None) is not None:
        agent.stop_policy.decide.bias += 0.5  # Some episodes stop early, and some do not.
    for weight in agent.parameters():  # Untrained layers end in zeros here and there, which would agree in any case.
        weight.copy_((weight + torch.randn(weight.shape, generator=random) * 0.25).half())
    return SimpleNamespace(experiment=experiment, agent=agent, env=env, folder=SimpleNamespace(path="runs/untrained"))


def in_node(expression: str, given: Any, *scripts: str) -> Any:
    """Return the value of an expression in JavaScript, in which `given` is what is given, with scripts of the page."""
    texts = [(SCRIPTS / script).read_text(encoding="utf-8") for script in scripts]
    asked = json.dumps({"scripts": texts, "expression": expression, "given": given})
    script = Path(__file__).with_name("evaluate_in_node.js")
    return json.loads(subprocess.run(["node", script], input=asked, capture_output=True, text=True, check=True).stdout)


def looks_in_node(run: Any, pictures: Any, starts: Any) -> Any:
    """Play greedy episodes on pictures (B, H, W) with the page's script under Node; starts are (B, 2)."""
    refuse_unplayable(run)
    data = play_data(run, "untrained", PagePictures(pictures.numpy(), [0] * len(pictures), "noise", 10))
    given = {"run": data, "pictures": pictures.flatten(1).tolist(), "starts": starts.tolist()}
    return in_node(EPISODES, given, "agent.js", "anytime.js")


def compare(run: Any, examples: torch.Tensor) -> list[int]:
    """Compare greedy episodes of the script and torch, and return their lengths."""
    episode = play(run.env, run.agent, examples, examples + 5, greedy=True)
    locations, beliefs = episode.observation["location"].numpy(), episode.answer.softmax(-1).numpy()
    found = looks_in_node(run, run.env.picture()[:, 0], episode.observation["location"][0])
    playing = episode.step_mask.numpy()
    for lane, looks in enumerate(found):
        assert len(looks) == playing[:, lane].sum()
        shown = playing[:, lane]
        np.testing.assert_allclose([look["location"] for look in looks], locations[shown, lane], atol=1e-4)
        np.testing.assert_allclose([look["probabilities"] for look in looks], beliefs[shown, lane], atol=1e-4)
        seen = episode.observation["glimpse"][shown, lane].flatten(1).numpy()
        np.testing.assert_allclose([look["glimpse"] for look in looks], seen, atol=1e-6)
    assert beliefs.std(1).max() > 1e-3  # Pictures are told apart, so that a wrong one would be seen.
    assert locations[1:].std(1).max() > 1e-3
    return [len(looks) for looks in found]


@pytest.mark.parametrize("name", RUNS)
def test_whole_episodes_agree(name: str) -> None:
    """Probabilities, locations and glimpses of greedy episodes are torch's within 1e-4, and so is where they stop."""
    run = untrained(RUNS[name])
    lengths = compare(run, torch.arange(12))
    assert (len(set(lengths)) > 1) == ("stops" in name)


@pytest.mark.parametrize("name", ["mnist-ram", "translated-ram"])
def test_the_agent_of_the_zoo_agrees(name: str) -> None:
    """Whole episodes on noise are torch's within 1e-4: the zoo's weights have half precision, or 8 bits, already."""
    run = open_run(find_run(f"zoo:{name}"), None, "cpu", print)
    random = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8, generator=random)
    env = Classification(run.env.options, ImageData(images, torch.zeros(20).long(), run.env.classes))
    shown = SimpleNamespace(experiment=run.experiment, agent=run.agent, env=env, folder=run.folder)
    assert compare(shown, torch.arange(20)) == [run.agent.steps] * 20


def test_all_numbers_of_half_precision_are_read() -> None:
    """Each finite number of half precision, the smallest ones too, is that of NumPy."""
    bits = [number for number in range(2**16) if number & 0x7C00 != 0x7C00]
    wanted = np.array(bits, np.uint16).view(np.float16).astype(float)
    np.testing.assert_array_equal(in_node("given.map(halfToNumber)", bits, "agent.js"), wanted)


def test_ink_is_scaled_and_placed() -> None:
    """Ink is scaled to the side of the run's digits; it comes to the middle if they are there, else stays in place."""
    ink = np.zeros((8, 8), int)
    ink[2:4, 4:6] = 200  # Its centre (5, 3) of 8 is at (10, 6) of 16.
    for centred, rows, columns in ((False, slice(4, 8), slice(8, 12)), (True, slice(6, 10), slice(6, 10))):
        run = {"width": 16, "height": 16, "digitSide": 4, "centred": centred}
        given = {"run": run, "ink": ink.flatten().tolist()}
        drawn = in_node("Array.from(pictureOfInk(given.run, given.ink, 8, 8))", given, "drawing.js")
        wanted = np.zeros((16, 16), int)
        wanted[rows, columns] = 200
        assert drawn == wanted.flatten().tolist()


@pytest.mark.parametrize("early, counted", [(True, [0, 1, 2, 3]), (False, [3])])
def test_answers_are_counted_by_looks(early: bool, counted: list[int]) -> None:
    """After the end of an episode its last answer stands; of the agent those looks count that it was trained for."""
    given = {"glimpses": 4, "answersEarly": early}
    count = """{
        const tally = newTally(given);
        countRound(tally, given, 2, [1, 2], [2, 2, 2, 3]);
        countRound(tally, given, 5, [5, 0, 5, 0], [5]);
        return [tally, countedLooks(given, "agent"), countedLooks(given, "you")];
    }"""
    tally, agents, yours = in_node(count, given, "curve.js")
    assert tally == {"rounds": 2, "you": [1, 1, 2, 1], "agent": [2, 2, 2, 1]}
    assert agents == counted and yours == [0, 1, 2, 3]


STUB = """
    globalThis.document = { createElement: made, createElementNS: (_, tag) => made(tag) };
    globalThis.element = (tag, classes, text = "") => Object.assign(made(tag), { classes, textContent: text });
    function made(tag) {
      const held = { tag, children: [], attributes: {}, textContent: "" };
      held.append = (...more) => held.children.push(...more);
      held.setAttribute = (name, value) => { held.attributes[name] = value; };
      held.insertCell = () => { const cell = made("td"); held.children.push(cell); return cell; };
      return held;
    }
"""


def test_people_have_a_row_and_a_line() -> None:
    """Their shares, of as many looks as both have, are rounded in the table and drawn from 0 at the bottom."""
    given = {"glimpses": 4, "people": [0, 50, 99.8]}
    row, points, note = in_node(
        f"""{{ {STUB}
            const line = peopleLine(given).children[0].attributes.points;
            return [peopleRow(given).children.slice(1).map((cell) => cell.textContent), line, peopleNote(given)];
        }}""",
        given,
        "curve.js",
    )
    assert row == [0, 50, 100, "–"]
    heights = [float(point.split(",")[1]) for point in points.split(" ")]
    assert heights == pytest.approx([156, 84, 12 + 0.002 * 144])
    assert "AttentionMNIST" in note and "150 other digits" in note and "left out" in note
    assert in_node("peopleNote(given)", {"people": None}, "curve.js") == ""
