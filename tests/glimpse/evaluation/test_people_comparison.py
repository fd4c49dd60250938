"""Comparison of an agent with people, on a made-up copy: who looks where, and what evaluations say."""

import copy
import json
from pathlib import Path

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.envs.images.shown_digits import load_shown_digits
from glimpse.evaluation.people_comparison import (
    AGENT,
    AT_PEOPLE,
    EPISODES,
    PEOPLE,
    RANDOM,
    SALIENCY,
    TITLES,
    compare_with_people,
    play_as_people,
)
from glimpse.runs.trained_run import TrainedRun, open_run
from tests.made_up_people import install_people

SMALL = ["train.steps=2", "train.batch=8", "train.evaluate_every=2", "agent.memory_width=8", "track.mode=disabled"]


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainedRun:
    """A run of people-anytime on the made-up digits."""
    install_people(tmp_path / "data", monkeypatch)
    assert main(["train", "people-anytime", *SMALL, "threads=1", "--folder", str(tmp_path / "run")]) == 0
    return open_run(tmp_path / "run", None, "cpu", print)


def test_the_network_looks_where_it_is_told(trained: TrainedRun) -> None:
    """At people's looks it sees their windows; its first look is theirs; saliency's do not depend on the seed."""
    shown = load_shown_digits()
    played = play_as_people(trained.agent, trained.env, shown, 0)
    assert torch.allclose(played[AT_PEOPLE].look, shown.people.look, atol=1e-3)
    assert {name: len(one.right) for name, one in played.items()} == {
        AGENT: 5 * EPISODES,
        RANDOM: 5 * EPISODES,
        SALIENCY: 5,
        AT_PEOPLE: 15,
    }
    assert all(torch.allclose(one.look[:, 0], shown.people.look[0, 0], atol=1e-3) for one in played.values())
    again = play_as_people(trained.agent, trained.env, shown, 1)
    assert torch.equal(again[SALIENCY].look, played[SALIENCY].look)
    assert not torch.equal(again[AGENT].look, played[AGENT].look)
    assert trained.agent.locator is None  # The agent itself is unchanged.


def test_the_comparison_by_hand(trained: TrainedRun) -> None:
    """A third of the made-up sequences is right after look 1, two thirds from 5 on, all from 9 on."""
    found = compare_with_people(trained.agent, trained.env, load_shown_digits(), 0)
    expected = [100 / 3] * 4 + [200 / 3] * 4 + [100.0] * 4
    assert found.right_after[PEOPLE] == pytest.approx(expected)
    assert set(found.right_after) == set(TITLES) and set(found.information_gain) == set(TITLES) - {AT_PEOPLE}
    # All three sequences on a digit click alike.
    assert found.similarity[PEOPLE] == pytest.approx(1) and found.similarity[PEOPLE] > found.similarity[RANDOM]
    assert found.information_gain[PEOPLE] > found.information_gain[RANDOM]


def test_an_agent_that_is_always_right(trained: TrainedRun) -> None:
    """An agent that names the brightest row answers by what it saw, and the selection leaves out none of it."""
    shown = load_shown_digits()
    agent = copy.copy(trained.agent)
    label = shown.data.labels[0]
    assert agent.classifier is not None
    with torch.no_grad():
        agent.classifier.weight.zero_()
        agent.classifier.bias.copy_(torch.eye(10)[label])
    found = compare_with_people(agent, trained.env, shown, 0)
    share = 100 * float((shown.data.labels == label).double().mean())
    assert found.right_after[AGENT] == pytest.approx([share] * 12)
    assert found.selection.ends_wrong[AGENT] == pytest.approx(100 - share)
    assert found.selection.kept == pytest.approx([100.0] * 12)


def test_evaluations_compare_where_there_is_a_copy(
    trained: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`glimpse evaluate` prints and records the comparison; without a copy it says so and measures the rest."""
    run = tmp_path / "run"
    capsys.readouterr()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    out = capsys.readouterr().out
    assert "digits that people saw" in out and "information gain over the centre bias" in out
    assert "only sequences that name the right class" in out
    record = json.loads((run / "evaluation.json").read_text())["test"]
    assert len(record["people"]["right_after"][PEOPLE]) == 12
    (tmp_path / "data/human_glimpses/mnist.json.gz").unlink()
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert "note: not compared with people: human_glimpses/mnist.json" in capsys.readouterr().out
    assert "people" not in json.loads((run / "evaluation.json").read_text())["test"]
