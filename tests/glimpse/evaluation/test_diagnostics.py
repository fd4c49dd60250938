"""Tests of scanpath statistics and warnings, on policies whose values are known."""

import math
from dataclasses import replace
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
from glimpse.evaluation.control_locators import (
    evaluation_warnings,
    mean_scanpath,
    mean_scanpath_warning,
    measure_controls,
    with_tests,
)
from glimpse.evaluation.diagnostics import (
    ScanpathStatistics,
    attention_gain,
    is_glimpsed,
    measure_scanpath,
    scanpath_warnings,
)
from glimpse.evaluation.location_statistics import LocationStatistics
from glimpse.evaluation.scores import Scores, measure_averaged, measure_scores
from glimpse.evaluation.split_score import score_of_errors
from glimpse.runs.build import make_agent, make_split_env
from glimpse.runs.metrics_log import read_metrics
from glimpse.runs.rollout import play
from glimpse.training.train import train_command

CPU = torch.device("cpu")


def small_experiment(**sections: dict[str, object]) -> Experiment:
    """Return an experiment with RAM on digits, in four glimpses."""
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 4, "initial_location": "centre", **sections.get("task", {})},
            "agent": {"name": "ram", "memory_width": 16, **sections.get("agent", {})},
            "train": {"steps": 4, "batch": 32, "evaluate_every": 2, "log_every": 4, **sections.get("train", {})},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


def scanpath_of(look: Tensor, followed: Tensor | None = None, sampled: bool = True) -> ScanpathStatistics:
    """Return the statistics of locations (S, E, M, 2); by default a glimpse follows each of them."""
    found = measure_scanpath(
        look, torch.ones(look.shape[:3], dtype=torch.bool) if followed is None else followed, sampled
    )
    assert found is not None
    return found


def learned_agent() -> Agent:
    """Return an agent with a learned locator."""
    experiment = small_experiment()
    agent: Agent = make_agent(experiment, make_split_env(experiment, "validation", CPU))
    return agent


def test_a_policy_in_the_corner() -> None:
    """All locations beyond one corner are one clamped cell, whatever the image: there are two warnings."""
    scanpath = scanpath_of(torch.full((3, 50, 4, 2), 1.2))
    assert scanpath == ScanpathStatistics(
        clamped=1.0, border=1.0, entropy=0.0, entropy_by_step=[0.0] * 3, variation=0.0
    )
    stuck, fixed = scanpath_warnings(scanpath, learned_agent())
    assert "stuck at the border: 100 %" in stuck
    assert "fixed path" in fixed


def test_a_policy_at_one_edge_is_stuck_without_being_clamped() -> None:
    """The locations are far right in each image, at a height that depends on the image."""
    look = torch.rand(2, 400, 1, 2, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.7
    look[..., 0] = 0.9
    scanpath = scanpath_of(look, sampled=False)
    assert (scanpath.clamped, scanpath.border) == (0.0, 1.0)
    (warning,) = scanpath_warnings(scanpath, learned_agent())
    assert "stuck" in warning and "0 % beyond" in warning


def test_a_fixed_path() -> None:
    """Two locations in turn have one bit over all steps and none at each; noise within images is no variation."""
    path = torch.tensor([[-0.5, -0.5], [0.5, 0.5]])[:, None, None]
    bare = scanpath_of(path.expand(2, 100, 10, 2))
    assert (bare.entropy, bare.entropy_by_step, bare.variation) == (1.0, [0.0, 0.0], 0.0)
    noise = 0.05 * torch.randn(2, 1000, 10, 2, generator=torch.Generator().manual_seed(0))
    noisy = scanpath_of(path + noise)
    assert noisy.variation is not None and noisy.variation < 0.01
    assert [text.partition(":")[0] for text in scanpath_warnings(noisy, learned_agent())] == [
        "the policy looks at the same locations whatever the image"
    ]


def test_a_uniform_policy() -> None:
    """Uniform locations have six bits, 28 of 64 cells at the border, variation 1 / sqrt(3), and no warning."""
    location = torch.rand(2, 40_000, 1, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    scanpath = scanpath_of(location.expand(2, 40_000, 2, 2))
    assert scanpath.entropy == pytest.approx(6, abs=0.01)
    assert scanpath.border == pytest.approx(28 / 64, abs=0.01)
    assert scanpath.clamped == 0
    assert scanpath.variation == pytest.approx(1 / math.sqrt(3), abs=0.01)
    assert scanpath_warnings(scanpath, learned_agent()) == []


def test_variation_by_hand() -> None:
    """Compute the variation of two images at x = -0.5 and 0.5, with two copies 0.1 to either side.

    The mean square between images is 2 (0.25 + 0.25) / 1 = 1, within them 4 * 0.01 / 2 = 0.02; half their difference
    is the variance along x, and y does not vary.
    """
    look = torch.zeros(1, 2, 2, 2)
    look[0, :, :, 0] = torch.tensor([[-0.6, -0.4], [0.4, 0.6]])
    assert scanpath_of(look).variation == pytest.approx(math.sqrt((0.49 + 0) / 2), abs=1e-6)


def test_variation_is_unknown_for_one_sampled_episode_an_image() -> None:
    """Noise and image cannot be separated then; greedy episodes have no noise."""
    look = torch.rand(2, 50, 1, 2)
    assert scanpath_of(look).variation is None
    assert "locations_variation" not in scanpath_of(look).numbers()
    assert scanpath_of(look, sampled=False).numbers()["locations_variation"] > 0.1


def test_locations_that_no_glimpse_followed_do_not_count() -> None:
    """Half of the episodes stop after the first location; the next one, in the corner, is not counted."""
    look, followed = torch.zeros(2, 10, 1, 2), torch.ones(2, 10, 1, dtype=torch.bool)
    look[1, ::2], followed[1, ::2] = 5.0, False
    scanpath = scanpath_of(look, followed)
    assert (scanpath.clamped, scanpath.border, scanpath.entropy, scanpath.entropy_by_step) == (
        0.0,
        0.0,
        0.0,
        [0.0, 0.0],
    )
    assert measure_scanpath(look, torch.zeros_like(followed), sampled=True) is None


def test_no_warnings_for_locators_that_do_not_learn() -> None:
    """Fixed and random locators have no warnings; a learned path is only warned of being stuck."""
    scanpath = scanpath_of(torch.full((3, 50, 4, 2), 1.2))
    for locator in (FixedLocator(torch.ones(4, 2)), RandomLocator()):
        agent = learned_agent()
        agent.locator = locator
        assert scanpath_warnings(scanpath, agent) == []
    path = make_agent(small_experiment(agent={"name": "path"}), make_split_env(small_experiment(), "validation", CPU))
    assert len(scanpath_warnings(scanpath, path)) == 1  # It is stuck; that it is a fixed path is intended.


def greedy_scores(wrong: int, of: int = 20) -> Scores:
    """Return scores of an agent whose greedy answers are wrong for the first examples."""
    missed = (torch.arange(of) < wrong).float()
    score = score_of_errors(missed[None])
    return Scores(score, score, score, 1, 1.0, greedy_missed=tuple(missed.tolist()))


def test_attention_gain_and_the_path_warning() -> None:
    """The gain is the control's additional error; a path that is not shown to be worse is warned of.

    Of 6 examples that only one of two is wrong about, the chance that all are on one side is 2 / 2 ** 6 = .031; of 5 it
    is .0625.
    """

    def told(own: int, path: int) -> list[str]:
        tested = with_tests({"ram": greedy_scores(own), "path": greedy_scores(path)})
        return mean_scanpath_warning(tested["ram"], tested["path"])

    assert told(1, 7) == []
    assert "not shown to be better than its own mean scanpath (p = 1," in told(1, 1)[0]
    assert "not shown to be better than its own mean scanpath (p = .062," in told(1, 6)[0]
    assert "worse than its own mean scanpath (p = .031," in told(7, 1)[0]
    # Without results of single examples the interval decides: one of 20 has an upper end of 24 %.
    ours, far, near = (replace(greedy_scores(wrong), greedy_missed=None) for wrong in (1, 5, 4))
    assert mean_scanpath_warning(ours, far) == [] and "95 % interval" in mean_scanpath_warning(ours, near)[0]
    assert attention_gain({"ram": 2.0, "random locations": 5.0, "path": 1.5}) == {"random locations": 3.0, "path": -0.5}


def test_an_evaluation_tells_a_fixed_path_from_a_policy_that_reads_the_image() -> None:
    """A locator with zero weights has the same path for all images; with random weights, locations vary."""
    experiment = small_experiment()
    env = make_split_env(experiment, "validation", CPU)
    agent = cast(RecurrentAttention, make_agent(experiment, env).requires_grad_(False))
    locator = cast(LearnedLocator, agent.locator)
    locator.mean.weight.zero_()
    locator.mean.bias.fill_(0.2)
    scores = {"ram": measure_scores(agent, env, experiment.evaluate, lambda: LocationStatistics(agent, env))}
    scores = with_tests(scores | measure_controls(agent, env, experiment.evaluate))
    assert scores["ram"].scanpath is not None
    texts = evaluation_warnings(scores, agent)
    assert any("whatever the image" in text for text in texts)
    assert any("not shown to be better than its own mean scanpath (p = " in text for text in texts)
    locator.mean.weight.normal_(0, 3, generator=torch.Generator().manual_seed(0))
    scanpath = measure_averaged(agent, env, experiment.evaluate, lambda: LocationStatistics(agent, env)).statistics[
        "scanpath"
    ]
    assert scanpath is not None and not any("whatever the image" in text for text in scanpath_warnings(scanpath, agent))


def test_training_logs_scanpath_statistics_and_warns_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a policy in the corner, each evaluation logs the statistics; only the first one prints the warning."""
    corner = {"initial_path": [[1.0, 1.0]] * 3, "locator_lr_scale": 1e-6}
    assert train_command(small_experiment(agent=corner), tmp_path / "run", resume=False) == 0
    rows = [row for row in read_metrics(tmp_path / "run/metrics.jsonl") if "val/error_m10" in row]
    assert len(rows) == 2
    for row in rows:
        assert 0.9 < cast(float, row["val/locations_at_border"]) <= 1
        logged = {"clamped", "entropy", "entropy_by_step", "variation"}
        assert {f"val/locations_{name}" for name in logged} <= set(row)
    assert capsys.readouterr().out.count("stuck at the border") == 1


def test_the_mean_scanpath_counts_locations_that_a_glimpse_followed() -> None:
    """The next locations of episodes that stop after one glimpse are not part of the mean scanpath."""
    experiment = small_experiment(task={"glimpses": 3, "stop": True}, agent={"memory_width": 256})
    env = make_split_env(experiment, "validation", CPU)
    agent = cast(RecurrentAttention, make_agent(experiment, env).requires_grad_(False))
    stop_policy = agent.stop_policy
    assert stop_policy is not None
    stop_policy.decide.weight.mul_(40)  # So that some stop early and some do not.
    stop_policy.decide.bias.zero_()
    example = torch.arange(env.examples)
    episode = play(env, agent, example, mix(example, experiment.evaluate.seed), greedy=True)
    continues = episode.step_mask[1]
    assert 0.05 < continues.float().mean() < 0.95
    path = mean_scanpath(agent, env, experiment.evaluate)
    expected = episode.action["look"][0, continues].clamp(-1, 1).mean(0)
    torch.testing.assert_close(path[0], expected)
    assert path.shape == (3, 2) and path[2].tolist() == [0, 0]


def test_an_environment_that_shows_the_whole_picture_has_no_scanpath() -> None:
    """If the whole picture is seen at once, the location does not matter."""
    whole, glimpsed = (
        make_split_env(small_experiment(task={"view": view}), "validation", CPU) for view in ("whole", "glimpse")
    )
    assert is_glimpsed(glimpsed)
    assert not is_glimpsed(whole)
    agent, options = make_agent(small_experiment(), whole), small_experiment().evaluate
    found = measure_averaged(agent, whole, options, lambda: LocationStatistics(agent, whole))
    assert found.statistics["scanpath"] is None
