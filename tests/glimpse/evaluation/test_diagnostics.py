"""Diagnostics of hand-made policies, whose values are known, and the warnings that they deserve."""

import math
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.vision.locators import FixedLocator, LearnedLocator, RandomLocator
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.experiment import Experiment
from glimpse.envs.lane_random import mix
from glimpse.evaluation.control_locators import evaluation_warnings, mean_path, measure_controls
from glimpse.evaluation.diagnostics import Gaze, attention_gain, gaze_warnings, is_glimpsed, measure_gaze, path_warning
from glimpse.evaluation.scores import measure, measure_averaged
from glimpse.runs.build import make_agent, make_world
from glimpse.runs.rollout import play
from glimpse.runs.run_folder import read_metrics
from glimpse.training.train import train_command

CPU = torch.device("cpu")


def small_experiment(**sections: dict[str, object]) -> Experiment:
    """RAM on digits, four glimpses."""
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 4, "first_place": "centre", **sections.get("task", {})},
            "agent": {"name": "ram", "memory_width": 16, **sections.get("agent", {})},
            "train": {"steps": 4, "batch": 32, "evaluate_every": 2, "log_every": 4, **sections.get("train", {})},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


def gaze_of(look: Tensor, followed: Tensor | None = None, sampled: bool = True) -> Gaze:
    """The diagnostics of looks (S, E, M, 2), all of them followed by a glimpse unless told otherwise."""
    found = measure_gaze(look, torch.ones(look.shape[:3], dtype=torch.bool) if followed is None else followed, sampled)
    assert found is not None
    return found


def learned() -> Agent:
    """An agent that could look anywhere."""
    experiment = small_experiment()
    return make_agent(experiment, make_world(experiment, "validation", CPU))


def test_a_policy_in_the_corner() -> None:
    """All looks beyond the corner: one cell, clamped, and not moved by the image; both warnings."""
    gaze = gaze_of(torch.full((3, 50, 4, 2), 1.2))
    assert gaze == Gaze(clamped=1.0, border=1.0, entropy=0.0, entropy_by_step=[0.0] * 3, variation=0.0)
    stuck, fixed = gaze_warnings(gaze, learned())
    assert "stuck at the border: 100 %" in stuck
    assert "fixed path" in fixed


def test_a_policy_that_hugs_one_edge_is_stuck_without_being_clamped() -> None:
    """Far to the right in every image, at a height that follows the image."""
    look = torch.rand(2, 400, 1, 2, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.7
    look[..., 0] = 0.9
    gaze = gaze_of(look, sampled=False)
    assert (gaze.clamped, gaze.border) == (0.0, 1.0)
    (warning,) = gaze_warnings(gaze, learned())
    assert "stuck" in warning and "0 % beyond" in warning


def test_a_fixed_path() -> None:
    """Two places in turn: a bit over all looks, none at each; noise within images is no answer to them."""
    path = torch.tensor([[-0.5, -0.5], [0.5, 0.5]])[:, None, None]
    bare = gaze_of(path.expand(2, 100, 10, 2))
    assert (bare.entropy, bare.entropy_by_step, bare.variation) == (1.0, [0.0, 0.0], 0.0)
    noise = 0.05 * torch.randn(2, 1000, 10, 2, generator=torch.Generator().manual_seed(0))
    noisy = gaze_of(path + noise)
    assert noisy.variation is not None and noisy.variation < 0.01
    assert [text.partition(":")[0] for text in gaze_warnings(noisy, learned())] == [
        "the policy looks at the same places whatever the image"
    ]


def test_a_uniform_policy() -> None:
    """Six bits, 28 of 64 cells at the border, a standard deviation of 1 / sqrt(3); nothing to warn of."""
    place = torch.rand(2, 40_000, 1, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    gaze = gaze_of(place.expand(2, 40_000, 2, 2))
    assert gaze.entropy == pytest.approx(6, abs=0.01)
    assert gaze.border == pytest.approx(28 / 64, abs=0.01)
    assert gaze.clamped == 0
    assert gaze.variation == pytest.approx(1 / math.sqrt(3), abs=0.01)
    assert gaze_warnings(gaze, learned()) == []


def test_variation_by_hand() -> None:
    """Images at -0.5 and 0.5 of x, two copies 0.1 to either side.

    The mean square between images is 2 (0.25 + 0.25) / 1 = 1, within them 4 * 0.01 / 2 = 0.02; half their difference
    is the variance along x, and y does not vary.
    """
    look = torch.zeros(1, 2, 2, 2)
    look[0, :, :, 0] = torch.tensor([[-0.6, -0.4], [0.4, 0.6]])
    assert gaze_of(look).variation == pytest.approx(math.sqrt((0.49 + 0) / 2), abs=1e-6)


def test_variation_is_unknown_where_chance_cannot_be_told_from_the_image() -> None:
    """One sampled episode an image; a greedy one leaves nothing to chance."""
    look = torch.rand(2, 50, 1, 2)
    assert gaze_of(look).variation is None
    assert "looks_variation" not in gaze_of(look).numbers()
    assert gaze_of(look, sampled=False).numbers()["looks_variation"] > 0.1


def test_looks_that_no_glimpse_followed_do_not_count() -> None:
    """Half of the episodes stop after the first look; what they would have looked at next is in the corner."""
    look, followed = torch.zeros(2, 10, 1, 2), torch.ones(2, 10, 1, dtype=torch.bool)
    look[1, ::2], followed[1, ::2] = 5.0, False
    gaze = gaze_of(look, followed)
    assert (gaze.clamped, gaze.border, gaze.entropy, gaze.entropy_by_step) == (0.0, 0.0, 0.0, [0.0, 0.0])
    assert measure_gaze(look, torch.zeros_like(followed), sampled=True) is None


def test_eyes_that_learn_nothing_are_not_blamed() -> None:
    """A control is what it is."""
    gaze = gaze_of(torch.full((3, 50, 4, 2), 1.2))
    for eyes in (FixedLocator(torch.ones(4, 2)), RandomLocator()):
        agent = learned()
        agent.locator = eyes
        assert gaze_warnings(gaze, agent) == []
    path = make_agent(small_experiment(agent={"name": "path"}), make_world(small_experiment(), "validation", CPU))
    assert len(gaze_warnings(gaze, path)) == 1  # Stuck; that it is a path is its nature.


def test_attention_gain_and_the_path_warning() -> None:
    """Points by which a control errs more; a path within the agent's interval, or below it, is a warning."""
    assert attention_gain({"ram": 2.0, "random places": 5.0, "path": 1.5}) == {"random places": 3.0, "path": -0.5}
    assert path_warning(highest=2.5, path=2.6) == []
    assert "no better than its own mean path" in path_warning(highest=2.5, path=2.5)[0]


def test_an_evaluation_knows_a_fixed_path_from_one_that_reads_the_image() -> None:
    """The locator's weights at zero: the same path for all. With weights: places vary."""
    experiment = small_experiment()
    world = make_world(experiment, "validation", CPU)
    agent = cast(RecurrentAttention, make_agent(experiment, world).requires_grad_(False))
    eyes = cast(LearnedLocator, agent.locator)
    eyes.mean.weight.zero_()
    eyes.mean.bias.fill_(0.2)
    scores = {"ram": measure(agent, world, experiment.evaluate)}
    scores |= measure_controls(agent, world, experiment.evaluate)
    assert scores["ram"].gaze is not None
    texts = evaluation_warnings(scores, agent)
    assert any("whatever the image" in text for text in texts)
    assert any("no better than its own mean path" in text for text in texts)
    eyes.mean.weight.normal_(0, 3, generator=torch.Generator().manual_seed(0))
    gaze = measure_averaged(agent, world, experiment.evaluate)[1]
    assert gaze is not None and not any("whatever the image" in text for text in gaze_warnings(gaze, agent))


def test_training_logs_them_and_warns_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy that begins in the corner: each evaluation has the numbers; the warning comes with the first alone."""
    corner = {"first_path": [[1.0, 1.0]] * 3, "locator_rate": 1e-6}
    assert train_command(small_experiment(agent=corner), tmp_path / "run", resume=False) == 0
    rows = [row for row in read_metrics(tmp_path / "run/metrics.jsonl") if "validation_error" in row]
    assert len(rows) == 2
    for row in rows:
        assert 0.9 < cast(float, row["looks_at_border"]) <= 1
        assert {"looks_clamped", "looks_entropy", "looks_entropy_by_step", "looks_variation"} <= set(row)
    assert capsys.readouterr().out.count("stuck at the border") == 1


def test_the_mean_path_is_of_looks_that_a_glimpse_followed() -> None:
    """Half of the images are seen once and answered; where these would have looked next is no part of the path."""
    experiment = small_experiment(task={"glimpses": 3, "stop": True}, agent={"memory_width": 256})
    world = make_world(experiment, "validation", CPU)
    agent = cast(RecurrentAttention, make_agent(experiment, world).requires_grad_(False))
    stopper = agent.stopper
    assert stopper is not None
    stopper.decide.weight.mul_(40)  # So that some stop early and some do not.
    stopper.decide.bias.zero_()
    example = torch.arange(world.examples)
    episode = play(world, agent, example, mix(example, experiment.evaluate.seed), greedy=True)
    goes_on = episode.taken[1]
    assert 0.05 < goes_on.float().mean() < 0.95
    path = mean_path(agent, world, experiment.evaluate)
    expected = episode.action["look"][0, goes_on].clamp(-1, 1).mean(0)
    torch.testing.assert_close(path[0], expected)
    assert path.shape == (3, 2) and path[2].tolist() == [0, 0]


def test_a_world_that_shows_everything_has_no_gaze() -> None:
    """Then there is nothing to diagnose."""
    whole, glimpsed = (
        make_world(small_experiment(task={"view": view}), "validation", CPU) for view in ("whole", "glimpse")
    )
    assert is_glimpsed(glimpsed)
    assert not is_glimpsed(whole)
    assert measure_averaged(make_agent(small_experiment(), whole), whole, small_experiment().evaluate)[1] is None
