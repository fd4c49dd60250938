"""Tests of the limit of an agent's weights by the memory that is free."""

from pathlib import Path

import pytest
import torch
from torch import nn

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.errors import UserError
from glimpse.runs import weights_memory
from glimpse.runs.weights_memory import TRAINED_COPIES, WeightsLimit


def experiment(**agent: object) -> Experiment:
    """Return a config of RAM on digits."""
    sections = {"task": {"name": "digits"}, "agent": {"name": "ram", **agent}, "train": {"steps": 1}}
    return Experiment.model_validate(sections)


def set_free(monkeypatch: pytest.MonkeyPatch, free: int | None) -> None:
    """Let so many bytes of memory be free."""
    monkeypatch.setattr(weights_memory, "free_memory", lambda: free)


@pytest.mark.parametrize("copies", [1, TRAINED_COPIES])
def test_numbers_are_counted_before_they_are_made(copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of 10 x 20 weights and 20 biases needs 220 numbers of 4 bytes, of nine tenths of the free memory."""
    needed = 220 * 4 * copies
    set_free(monkeypatch, needed * 10 // 9 + 1)
    with WeightsLimit(experiment(), copies):
        nn.Linear(10, 20)
    set_free(monkeypatch, needed * 10 // 9 - 2)
    with pytest.raises(UserError, match="the weights of agent 'ram' are 220 numbers or more"):
        with WeightsLimit(experiment(), copies):
            nn.Linear(10, 20)
    set_free(monkeypatch, None)  # Where the system does not tell.
    with WeightsLimit(experiment(), copies):
        nn.Linear(10, 20)


def test_counting_changes_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Initial weights are to the bit those without the limit, for every way to make them."""

    def make() -> list[torch.Tensor]:
        torch.manual_seed(0)
        linear = nn.Linear(3, 4)
        nn.init.orthogonal_(linear.weight)
        layers = [linear, nn.LSTM(3, 4, bidirectional=True), nn.Embedding(5, 3), nn.Conv2d(1, 2, 3)]
        tensors = [torch.zeros(3), torch.ones(2), torch.randn(4), torch.rand(3), torch.full((2,), 3.0)]
        return [*tensors, *(parameter for layer in layers for parameter in layer.parameters())]

    free = make()
    with WeightsLimit(experiment(), 1):
        counted = make()
    assert all(torch.equal(*pair) for pair in zip(free, counted, strict=True))


@pytest.mark.parametrize(
    ("config", "given", "lower"),
    [
        ("digits-ram", "agent.memory_width=65536", "agent.memory_width (65536), agent.feature_width (256)"),
        ("digits-sb3-recurrent-ppo", "agent.memory_width=65536", "agent.memory_width (65536)"),
        ("reverse-transformer", "agent.feed_forward=65536", "agent.feed_forward (65536)"),
    ],
)
def test_an_agent_that_does_not_fit_is_one_line(
    config: str,
    given: str,
    lower: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Training says how much memory the weights need, how much is free and what to lower; the run's name stays free."""
    set_free(monkeypatch, 10_000_000)
    run = tmp_path / "run"
    assert main(["train", config, given, "train.steps=1", "track.mode=disabled", "threads=1", "--run", str(run)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: the weights of agent ") and err.count("\n") == 1
    assert "GB of memory in all, and 0.0 GB are free. Lower" in err and lower in err
    assert not run.exists()
