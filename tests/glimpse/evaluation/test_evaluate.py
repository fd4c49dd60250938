"""Tests of evaluation: each example once, intervals, averaging, controls, and the record."""

import json
from pathlib import Path
from typing import cast

import pytest
import torch

from glimpse.agents.vision.locators import FixedLocator
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.exact_config import shipped_name
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.evaluation.control_locators import measure_controls
from glimpse.evaluation.evaluate import evaluate_command
from glimpse.evaluation.location_statistics import LocationStatistics
from glimpse.evaluation.scores import measure_scores
from glimpse.evaluation.split_score import wilson_interval
from glimpse.runs.build import make_agent, make_split_env
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run
from glimpse.training.train import train_command

CPU = torch.device("cpu")


def small_experiment(**task: object) -> Experiment:
    """Return an experiment with RAM on digits, in two glimpses."""
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 2, "initial_location": "random", **task},
            "agent": {"name": "ram", "memory_width": 16},
            "train": {"steps": 20, "batch": 32, "evaluate_every": 10},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a short run."""
    path = tmp_path_factory.mktemp("runs") / "small"
    assert train_command(small_experiment(), path, resume=False) == 0
    return path


def test_wilson_by_hand() -> None:
    """81 of 263 give 0.2553 to 0.3662 (Newcombe, 1998, table I, method 3); the interval of 0 ends above 0."""
    low, high = wilson_interval(81 / 263, 263)
    assert (round(low, 2), round(high, 2)) == (25.53, 36.62)
    assert wilson_interval(0.0, 100)[0] == 0.0
    assert wilson_interval(0.0, 100)[1] == pytest.approx(3.70, abs=0.01)


@pytest.mark.parametrize("initial_location", ["random", "centre"])
def test_scores_do_not_depend_on_the_batch(initial_location: str) -> None:
    """Canvases, initial locations and noise depend on the example alone, and each example is counted once."""
    experiment = small_experiment(initial_location=initial_location)
    env = make_split_env(experiment, "test", CPU)
    agent = make_agent(experiment, env).requires_grad_(False)
    options = [EvaluateOptions(batch=batch, copies=3, precision="float32") for batch in (1000, 50, 7)]
    one_batch, large, small = (measure_scores(agent, env, each) for each in options)
    assert one_batch.greedy.episodes == env.examples
    assert one_batch.greedy == large.greedy == small.greedy
    assert one_batch.averaged == large.averaged == small.averaged
    assert one_batch.sampled == large.sampled == small.sampled


def test_averaged_error_differs_from_single_episodes_and_is_that_of_the_last_glimpse() -> None:
    """The mean error of single episodes and the error of their mean probabilities are two numbers."""
    experiment = small_experiment()
    env = make_split_env(experiment, "test", CPU)
    agent = make_agent(experiment, env).requires_grad_(False)
    scores = measure_scores(agent, env, EvaluateOptions(copies=4))
    assert len(scores.averaged.after_glimpse) == 2
    assert scores.averaged.after_glimpse[-1] == scores.averaged.error
    assert scores.sampled.error != scores.averaged.error
    assert scores.glimpses == 2.0


def test_error_of_a_constant_classifier() -> None:
    """A classifier that always answers 3 is wrong on all but the threes."""
    experiment = small_experiment()
    env = make_split_env(experiment, "test", CPU)
    agent = cast(RecurrentAttention, make_agent(experiment, env).requires_grad_(False))
    agent.classifier.weight.zero_()
    agent.classifier.bias.copy_(torch.eye(10)[3])
    first = torch.arange(env.examples)
    env.reset(first, first)
    threes = float((env.label == 3).float().mean())
    scores = measure_scores(agent, env, EvaluateOptions(copies=2))
    assert scores.greedy.error == scores.sampled.error == scores.averaged.error == pytest.approx(100 * (1 - threes))


def test_controls_change_the_locations_and_nothing_else() -> None:
    """An agent fixed at the centre equals its centre control, and the controls leave the agent unchanged."""
    experiment = small_experiment(initial_location="centre")
    env = make_split_env(experiment, "test", CPU)
    agent = make_agent(experiment, env).requires_grad_(False)
    agent.locator = FixedLocator(torch.zeros(2, 2))
    options = EvaluateOptions(copies=2)
    own = measure_scores(agent, env, options, lambda: LocationStatistics(agent, env))
    controls = measure_controls(agent, env, options)
    assert controls["centre only"] == own
    assert controls["raster scan"].greedy.error != own.greedy.error
    assert isinstance(agent.locator, FixedLocator) and not agent.locator.path.any()


def test_the_command_prints_the_table_and_writes_both_splits(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """evaluation.json has the records of both test and validation."""
    evaluate_command(run, "validation", None, None, None)
    evaluate_command(run, "test", 2, 100, "cpu")
    out = capsys.readouterr().out
    assert "M = 10" in out and "M = 2" in out and "random locations" in out and "test error" in out
    record = json.loads(RunFolder.open(run).evaluation_path.read_text())
    assert set(record) == {"validation", "test"}
    scores = record["test"]["scores"]["ram"]
    assert scores["averaged"]["episodes"] == 359 and scores["copies"] == 2
    assert scores["averaged"]["low"] < scores["averaged"]["error"] < scores["averaged"]["high"]
    assert record["test"]["step"] in (10, 20)


def test_the_weights_are_the_best_ones_on_validation_data(run: Path) -> None:
    """`open_run` reads the best checkpoint, without a message."""
    trained = open_run(run, "validation", "cpu", pytest.fail)
    assert trained.step in (10, 20)
    assert not any(parameter.requires_grad for parameter in trained.agent.parameters())


def test_a_run_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    """The error message says how to train it."""
    from glimpse.config.files import dump_experiment

    RunFolder.create(tmp_path / "empty", dump_experiment(small_experiment()))
    with pytest.raises(UserError, match="no checkpoint yet.*--resume"):
        evaluate_command(tmp_path / "empty", "test", None, None, "cpu")


def test_a_config_that_does_not_fit_the_checkpoint_is_refused(run: Path, tmp_path: Path) -> None:
    """A config.yaml that was edited after training is refused."""
    import shutil

    shutil.copytree(run, tmp_path / "edited")
    path = RunFolder.open(tmp_path / "edited").config_path
    path.write_text(path.read_text().replace("memory_width: 16", "memory_width: 8"))
    with pytest.raises(UserError, match="does not fit the checkpoint"):
        evaluate_command(tmp_path / "edited", "test", None, None, "cpu")


def test_a_run_of_no_shipped_config_is_measured_on_validation_data(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a split the test set is kept; each use of it is said aloud and counted."""
    path = RunFolder.open(run).evaluation_path
    path.unlink(missing_ok=True)
    evaluate_command(run, None, 2, None, None)
    out = capsys.readouterr().out
    assert "the config is not a shipped one" in out and "validation error" in out and "test set is used" not in out
    assert set(json.loads(path.read_text())) == {"validation"}
    evaluate_command(run, "test", 2, None, None)
    assert "the test set is used\n" in capsys.readouterr().out
    evaluate_command(run, "test", 2, None, None)
    assert "the test set is used, by this run for time number 2\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["seed=3", "threads=1", "track.mode=disabled", "evaluate.batch=7"], "digits-ram"),
        (["train.steps=4"], None),
        (["evaluate.copies=2"], None),
    ],
)
def test_a_shipped_config_is_known_whatever_its_seed(overrides: list[str], name: str | None) -> None:
    """Seed, threads and tracking do not make another config; steps and rollouts do."""
    assert shipped_name(load_experiment("digits-ram", overrides)) == name
