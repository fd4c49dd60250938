"""`glimpse.make_env` and `glimpse.rollout`: what the commands measure can be done step by step in Python."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import glimpse
from glimpse.cli.command_line import main
from glimpse.errors import UserError

# Its run is made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("episodes")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on the digits, evaluated."""
    path = tmp_path_factory.mktemp("episodes") / "run"
    small = ["train.steps=3", "train.batch=8", "threads=1", "track.mode=disabled", "agent.memory_width=8"]
    assert main(["train", "digits-ram", *small, "--run", str(path)]) == 0
    assert main(["evaluate", str(path), "--split", "test", "--copies", "2"]) == 0
    return path


def test_rollouts_are_those_that_evaluate_measures(run: Path) -> None:
    """The share of wrong answers of greedy episodes is the error in evaluation.json."""
    agent = glimpse.load(run)
    env = glimpse.make_env(agent)
    seed = agent.experiment.evaluate.seed
    episode = glimpse.rollout(agent, env, greedy=True, seed=seed)
    wrong = (episode.answer[-1].argmax(-1) != episode.label).float().mean()
    measured = json.loads((run / "evaluation.json").read_text())["test"]["scores"]["ram"]["greedy"]["error"]
    assert 100 * float(wrong) == pytest.approx(measured, abs=1e-4)


def test_copies_and_seeds(run: Path) -> None:
    """Copies are lanes, a seed gives the same episodes again, and another one others."""
    agent, env = glimpse.load(run), glimpse.make_env("digits", "test", glimpses=4, initial_location="centre")
    one = glimpse.rollout(agent, env, [3, 5], copies=2, seed=1)
    again, other = (glimpse.rollout(agent.module, env, [3, 5], copies=2, seed=seed) for seed in (1, 2))
    assert one.action["look"].shape == (4, 4, 2) and one.label.tolist()[::2] == one.label.tolist()[1::2]
    assert torch.equal(one.action["look"], again.action["look"])
    assert not torch.equal(one.action["look"], other.action["look"])
    assert glimpse.rollout(agent, env, 3).label.shape == (1,)


@pytest.mark.parametrize("examples", [-1, [0, 10**6], []])
def test_examples_that_are_not_there_are_refused(run: Path, examples: Any) -> None:
    """The error names the numbers that there are."""
    with pytest.raises(ValueError, match="numbers from 0 to 358"):
        glimpse.rollout(glimpse.load(run), glimpse.make_env("digits"), examples)


def test_wrong_environments_are_refused(run: Path) -> None:
    """Unknown names, and options for the environment of a run, are named."""
    agent = glimpse.load(run)
    with pytest.raises(UserError, match="no environment 'digit'; there are mnist"):
        glimpse.make_env("digit")
    with pytest.raises(UserError, match="that of its run, for validation or test .got glimpses"):
        glimpse.make_env(agent, glimpses=2)
    with pytest.raises(UserError, match="got split='train'"):
        glimpse.make_env(agent, "train")
    with pytest.raises(TypeError, match="unexpected keyword argument 'glimpse'"):
        glimpse.make_env("digits", glimpse=2)
