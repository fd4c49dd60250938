"""Tests of `glimpse bench --only peers`, with stand-ins for the peers: no package of theirs is needed."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from glimpse.benchmarks.bench import bench_command
from glimpse.benchmarks.bench_peers import LANES

MODULES = ("ap_gym", "ap_gym.envs", "bsuite", "bsuite.environments")


class Pictures:
    """Stand-in for ap_gym's data set, and for its environments, which read one picture of it."""

    def __init__(self, count: Any = 1, config: Any = None) -> None:
        """Keep the data of a config; the environment of one episode has no count."""
        self.config = config if config is not None else count
        self.action_space = gym.spaces.Discrete(2)
        self.steps = 0

    def reset(self, seed: int | None = None) -> None:
        """Read two pictures, as a loader does."""
        images, labels = self.config.dataset._get_data_point_batch(np.array([3, 5]))
        assert images.shape == (2, 8, 8) and labels.shape == (2,)

    def step(self, action: Any) -> tuple[None, float, bool, bool, dict[str, Any]]:
        """Count a step; every third one ends an episode."""
        self.steps += 1
        return None, 0.0, self.steps % 3 == 0, False, {}


class Board:
    """Stand-in for bsuite's Catch."""

    def __init__(self, seed: int) -> None:
        """Begin without an episode."""
        self.begun = False

    def reset(self) -> None:
        """Begin."""
        self.begun = True

    def step(self, action: int) -> None:
        """Check that an episode has begun."""
        assert self.begun and action == 1


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stand-ins be imported in place of the packages."""
    images = {"ImageClassificationDataset": object, "ImagePerceptionConfig": SimpleNamespace}
    kinds = dict.fromkeys(("ImageClassificationVectorEnv", "ImageClassificationEnv"), Pictures)
    found: dict[str, dict[str, Any]] = {
        **{name: {"__path__": []} for name in MODULES},
        "ap_gym.envs.image": images,
        "ap_gym.envs.image_classification": kinds,
        "bsuite.environments.catch": {"Catch": Board},
    }
    for name, members in found.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


def _rows(folder: Path) -> list[dict[str, Any]]:
    threads = torch.get_num_threads()
    bench_command(quick=True, output=folder, only=["peers"], device="cpu")
    torch.set_num_threads(threads)
    rows: list[dict[str, Any]] = json.loads((folder / "bench.json").read_text())
    return rows


def test_each_peer_has_rates_and_ratios(peers: None, tmp_path: Path) -> None:
    """Each ratio is that of two rates, and its row names both."""
    rows = _rows(tmp_path)
    rates = {row["setting"]: row["value"] for row in rows if row["name"] == "peers"}
    ratios = {row["setting"]: row["value"] for row in rows if row["name"] == "peers, glimpse against them"}
    assert sum(f"ImageClassificationVectorEnv of {LANES}" in setting for setting in rates) == 1
    assert len(ratios) == 4 and sum("bsuite" in setting for setting in ratios) == 2
    for setting, ratio in ratios.items():
        own, theirs = setting.split("; ")
        assert ratio == pytest.approx(rates[own] / rates[theirs], rel=0.01)


def test_a_peer_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output says what to type, and the rows of this package are there."""
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    rows = _rows(tmp_path)
    printed = capsys.readouterr().out
    assert "pip install ap-gym" in printed and "pip install bsuite" in printed
    assert rows and all(row["name"] == "peers" and row["setting"].startswith("glimpse") for row in rows)
