"""Evaluation: each example once, intervals, averaging, controls, and what is written."""

import json
from pathlib import Path
from typing import cast

import pytest
import torch

from glimpse.agents.vision.locators import FixedLocator
from glimpse.agents.vision.ram import RecurrentAttention
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.errors import UserError
from glimpse.evaluation.control_locators import measure_controls
from glimpse.evaluation.evaluate import evaluate_command
from glimpse.evaluation.scores import measure, wilson
from glimpse.runs.build import make_agent, make_world
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run
from glimpse.training.train import train_command

CPU = torch.device("cpu")


def small_experiment(**task: object) -> Experiment:
    """RAM on digits, two glimpses."""
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 2, "first_place": "random", **task},
            "agent": {"name": "ram", "memory_width": 16},
            "train": {"steps": 20, "batch": 32, "evaluate_every": 10},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run."""
    path = tmp_path_factory.mktemp("runs") / "small"
    assert train_command(small_experiment(), path, resume=False) == 0
    return path


def test_wilson_by_hand() -> None:
    """Newcombe (1998), table I, method 3: 81 of 263 gives 0.2553 to 0.3662; nothing wrong still leaves room above."""
    low, high = wilson(81 / 263, 263)
    assert (round(low, 2), round(high, 2)) == (25.53, 36.62)
    assert wilson(0.0, 100)[0] == 0.0
    assert wilson(0.0, 100)[1] == pytest.approx(3.70, abs=0.01)


@pytest.mark.parametrize("first_place", ["random", "centre"])
def test_scores_do_not_depend_on_the_batch(first_place: str) -> None:
    """Canvases, first places and noise follow from the example's number, and each example is counted once."""
    experiment = small_experiment(first_place=first_place)
    world = make_world(experiment, "test", CPU)
    agent = make_agent(experiment, world).requires_grad_(False)
    options = [EvaluateOptions(batch=batch, copies=3, precision="float32") for batch in (1000, 50, 7)]
    whole, parts, bits = (measure(agent, world, each) for each in options)
    assert whole.greedy.episodes == world.examples
    assert whole.greedy == parts.greedy == bits.greedy
    assert whole.averaged == parts.averaged == bits.averaged
    assert whole.sampled == parts.sampled == bits.sampled


def test_averaging_differs_from_single_episodes_and_the_last_glimpse_counts() -> None:
    """The mean over single episodes, the error of mean probabilities, and the greedy error are three numbers."""
    experiment = small_experiment()
    world = make_world(experiment, "test", CPU)
    agent = make_agent(experiment, world).requires_grad_(False)
    scores = measure(agent, world, EvaluateOptions(copies=4))
    assert len(scores.averaged.after_glimpse) == 2
    assert scores.averaged.after_glimpse[-1] == scores.averaged.error
    assert scores.sampled.error != scores.averaged.error
    assert scores.glimpses == 2.0


def test_a_classifier_that_knows_one_class_is_wrong_on_the_others() -> None:
    """A known answer: always class 3 errs on all but the threes."""
    experiment = small_experiment()
    world = make_world(experiment, "test", CPU)
    agent = cast(RecurrentAttention, make_agent(experiment, world).requires_grad_(False))
    agent.classifier.weight.zero_()
    agent.classifier.bias.copy_(torch.eye(10)[3])
    first = torch.arange(world.examples)
    world.begin(first, first)
    threes = float((world.label == 3).float().mean())
    scores = measure(agent, world, EvaluateOptions(copies=2))
    assert scores.greedy.error == scores.sampled.error == scores.averaged.error == pytest.approx(100 * (1 - threes))


def test_controls_change_where_the_agent_looks_and_nothing_else() -> None:
    """A fixed locator is its own centre control; the agent is left as it was."""
    experiment = small_experiment(first_place="centre")
    world = make_world(experiment, "test", CPU)
    agent = make_agent(experiment, world).requires_grad_(False)
    agent.locator = FixedLocator(torch.zeros(2, 2))
    options = EvaluateOptions(copies=2)
    own, controls = measure(agent, world, options), measure_controls(agent, world, options)
    assert controls["centre only"] == own
    assert controls["raster scan"].greedy.error != own.greedy.error
    assert isinstance(agent.locator, FixedLocator) and not agent.locator.path.any()


def test_the_command_prints_the_table_and_keeps_both_splits(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Test and validation stand beside each other in evaluation.json."""
    evaluate_command(run, "validation", None, None, None)
    evaluate_command(run, "test", 2, 100, "cpu")
    out = capsys.readouterr().out
    assert "M = 10" in out and "M = 2" in out and "random places" in out and "test error" in out
    record = json.loads(RunFolder.open(run).evaluation_path.read_text())
    assert set(record) == {"validation", "test"}
    scores = record["test"]["scores"]["ram"]
    assert scores["averaged"]["episodes"] == 359 and scores["copies"] == 2
    assert scores["averaged"]["low"] < scores["averaged"]["error"] < scores["averaged"]["high"]
    assert record["test"]["step"] in (10, 20)


def test_the_weights_are_those_that_were_best_on_validation(run: Path) -> None:
    """`open_run` reads best/, and asks for nothing else to be there."""
    trained = open_run(run, "validation", "cpu", pytest.fail)
    assert trained.step in (10, 20)
    assert not any(parameter.requires_grad for parameter in trained.agent.parameters())


def test_a_run_that_was_never_trained_says_how_to(tmp_path: Path) -> None:
    """No checkpoint is a clear error."""
    from glimpse.config.files import dump_experiment

    RunFolder.create(tmp_path / "empty", dump_experiment(small_experiment()))
    with pytest.raises(UserError, match="no checkpoint yet.*--resume"):
        evaluate_command(tmp_path / "empty", "test", None, None, "cpu")


def test_a_config_that_does_not_fit_the_weights_is_named(run: Path, tmp_path: Path) -> None:
    """Somebody edited config.yaml."""
    import shutil

    shutil.copytree(run, tmp_path / "edited")
    path = RunFolder.open(tmp_path / "edited").config_path
    path.write_text(path.read_text().replace("memory_width: 16", "memory_width: 8"))
    with pytest.raises(UserError, match="does not fit the checkpoint"):
        evaluate_command(tmp_path / "edited", "test", None, None, "cpu")
