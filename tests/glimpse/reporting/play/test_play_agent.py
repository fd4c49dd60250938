"""Tests of the agent of the page to play with: under Node, its episodes are those of torch."""

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

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: it runs the page's script")
SCRIPTS = Path(glimpse.reporting.play.__path__[0])
SMALL = ["agent.memory_width=16", "agent.feature_width=12", "agent.glimpse_width=8"]
RUNS = {
    "rnn": ["translated-ram", *SMALL, "task.canvas.size=30", "task.retina.patch=5", "task.retina.scales=1"],
    "lstm of three scales": ["translated-ram", *SMALL, "agent.recurrent_core=lstm", "task.canvas.size=31"],
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
    if agent.stop_policy is not None:
        agent.stop_policy.decide.bias += 0.5  # Some episodes stop early, and some do not.
    for weight in agent.parameters():  # Untrained layers end in zeros here and there, which would agree in any case.
        weight.copy_((weight + torch.randn(weight.shape, generator=random) * 0.25).half())
    return SimpleNamespace(experiment=experiment, agent=agent, env=env, folder=SimpleNamespace(path="runs/untrained"))


def looks_in_node(run: Any, pictures: Any, starts: Any) -> Any:
    """Play greedy episodes on pictures (B, H, W) with the page's script under Node; starts are (B, 2)."""
    refuse_unplayable(run)
    data = play_data(run, "untrained", PagePictures(pictures.numpy(), [0] * len(pictures), "noise", 10))
    given = {
        "scripts": [(SCRIPTS / "agent.js").read_text(encoding="utf-8")],
        "run": json.loads(json.dumps(data)),
        "pictures": pictures.flatten(1).tolist(),
        "starts": starts.tolist(),
    }
    script = Path(__file__).with_name("play_in_node.js")
    done = subprocess.run(["node", script], input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


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
    assert locations[1].std(0).max() > 1e-3
    return [len(looks) for looks in found]


@needs_node
@pytest.mark.parametrize("name", RUNS)
def test_whole_episodes_agree(name: str) -> None:
    """Probabilities, locations and glimpses of greedy episodes are torch's within 1e-4, and so is where they stop."""
    run = untrained(RUNS[name])
    lengths = compare(run, torch.arange(12))
    assert (len(set(lengths)) > 1) == ("stops" in name)


@needs_node
def test_the_agent_of_the_zoo_agrees() -> None:
    """Whole episodes of mnist-ram on noise are torch's within 1e-4: its weights have half precision already."""
    run = open_run(find_run("zoo:mnist-ram"), None, "cpu", print)
    random = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8, generator=random)
    env = Classification(run.env.options, ImageData(images, torch.zeros(20).long(), run.env.classes))
    shown = SimpleNamespace(experiment=run.experiment, agent=run.agent, env=env, folder=run.folder)
    assert compare(shown, torch.arange(20)) == [6] * 20
