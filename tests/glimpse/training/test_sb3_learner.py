"""Tests of agents that Stable-Baselines3 trains, in glimpse's run folder: stopped, resumed, evaluated, reported."""

import base64
import hashlib
import json
import os
import pickle
import shutil
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3 import PPO

from glimpse.agents.vision.stable_baselines3_agent import Sb3Agent
from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.envs.faces.stable_baselines3_face import make_sb3_env
from glimpse.errors import UserError
from glimpse.runs.checkpoint import load_newest, save_checkpoint
from glimpse.runs.metric_names import SPEED
from glimpse.runs.metrics_log import read_metrics
from glimpse.runs.trained_run import open_run
from glimpse.training.sb3_learner import Sb3Learner
from glimpse.training.train import train_command

STEPS = 6
SMALL: dict[str, Any] = {"grid": 3, "glimpse_width": 16, "location_width": 8, "feature_width": 16, "net_arch": [16]}
NAMES = ("sb3-ppo", "sb3-a2c", "sb3-recurrent-ppo")


def small_experiment(name: str, **train: object) -> Experiment:
    """Return an experiment with rollouts of three steps and episodes of up to four, which end at different times."""
    agent = {"name": name, "n_steps": 3, **SMALL} | ({} if name == "sb3-a2c" else {"n_epochs": 2, "minibatches": 2})
    return Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 4, "stop": True, "glimpse_cost": 0.01, "reward": "each_step"},
            "agent": agent | ({"memory_width": 8} if name == "sb3-recurrent-ppo" else {}),
            "train": {
                "steps": STEPS,
                "batch": 8,
                "warmup": 2,
                "augment": {"rotation": 10},
                "log_every": 1,
                "evaluate_every": 3,
                "save_every": 2,
                **train,
            },
            "evaluate": {"batch": 500, "copies": 2},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )


@pytest.fixture(scope="module", params=NAMES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return an algorithm's name and its run, trained by the command line without a stop."""
    folder = tmp_path_factory.mktemp(request.param)
    config = folder / "small.yaml"
    config.write_text(dump_experiment(small_experiment(request.param)))
    assert main(["train", str(config), "--run", str(folder / "run")]) == 0
    return request.param, folder / "run"


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send SIGTERM to this process in the middle of a step."""
    advance: Callable[..., Any] = Sb3Learner.advance

    def interrupted(self: Sb3Learner, *arguments: Any) -> Any:
        if self.step == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return advance(self, *arguments)

    monkeypatch.setattr(Sb3Learner, "advance", interrupted)


def test_a_run_is_evaluated_and_reported_as_any_other(
    trained: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The metrics have SB3's numbers, the evaluation the controls, and the report its pictures."""
    name, run = trained
    rows = read_metrics(run / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["train/timesteps"] for row in rows] == [24 * step for step in range(1, 7)]
    assert [row["step"] for row in rows if "val/error_m2" in row] == [3, 6]
    logged = ("value_loss", "entropy_loss", "explained_variance", "learning_rate", "reward")
    assert {f"train/{name}" for name in logged} <= rows[0].keys()
    assert rows[0]["train/learning_rate"] == pytest.approx(0.5e-3)  # The warm-up is half done.
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    table = capsys.readouterr().out
    for row in (name, "random locations", "centre only", "raster scan", "its own mean scanpath"):
        assert f"│ {row} " in table
    assert main(["report", str(run), "--output", str(tmp_path), "--episodes", "2"]) == 0
    assert (tmp_path / "episode.gif").stat().st_size > 1000 and "value loss" in (
        tmp_path / "index.html"
    ).read_text().lower()


def test_the_agent_is_rebuilt_from_config_and_weights(trained: tuple[str, Path]) -> None:
    """A run is opened with the checkpoint's averaged weights in a policy whose own `predict` works."""
    _, run = trained
    opened = open_run(run, "validation", "cpu", pytest.fail)
    checkpoint = load_newest(run / "best", pytest.fail)
    assert checkpoint is not None
    weights = opened.agent.state_dict()
    assert weights.keys() == checkpoint.weights.keys()
    assert all(torch.equal(weights[name], kept) for name, kept in checkpoint.weights.items())
    env = make_sb3_env("digits", num_envs=2, grid=3, glimpses=4, stop=True)
    assert isinstance(opened.agent, Sb3Agent)
    observation: Any = env.reset()
    assert opened.agent.policy.predict(observation)[0].shape == (2, 4)


def test_a_resumed_run_equals_one_without_a_stop(
    trained: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is stopped amid episodes and resumed equals the run without a stop, in spite of other random draws."""
    name, whole = trained
    with monkeypatch.context() as patch:
        stop_at(2, patch)
        assert train_command(small_experiment(name), tmp_path, resume=False) == 128 + signal.SIGTERM
    torch.manual_seed(99)
    assert main(["train", "--resume", str(tmp_path)]) == 0
    expected, got = (load_newest(run / "checkpoints", pytest.fail) for run in (whole, tmp_path))
    assert expected is not None and got is not None and expected.step == got.step == STEPS
    assert all(torch.equal(got.weights[part], kept) for part, kept in expected.weights.items())
    raw = expected.state["learner"]["agent"]
    assert all(torch.equal(got.state["learner"]["agent"][part], kept) for part, kept in raw.items())

    def rows(run: Path) -> list[dict[str, object]]:
        rows = read_metrics(run / "metrics.jsonl")
        return [{name: value for name, value in row.items() if not name.startswith(SPEED)} for row in rows]

    assert rows(tmp_path) == rows(whole)


class Trap:
    """Object that makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        """Remember the folder to make."""
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        """Tell pickle to call os.mkdir."""
        return os.mkdir, (str(self.path),)


def test_no_pickle_in_the_folder_is_ever_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hostile pickles in SB3's files beside a checkpoint, or in the checkpoint's state, are never loaded."""
    run, sprung = tmp_path / "run", tmp_path / "sprung"
    assert train_command(small_experiment("sb3-ppo", steps=1), run, resume=False) == 0
    trap = pickle.dumps(Trap(sprung))
    PPO("MultiInputPolicy", make_sb3_env("digits"), n_steps=2, batch_size=2, device="cpu").save(run / "model.zip")
    with zipfile.ZipFile(run / "model.zip", "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("data", json.dumps({"policy_class": {":serialized:": base64.b64encode(trap).decode()}}))
    for name in ("policy.pkl", "best/model.zip", "checkpoints/model.zip"):
        (run / name).write_bytes(trap)
    assert main(["evaluate", str(run), "--split", "test"]) == 0
    assert main(["train", "--resume", str(run)]) == 0
    for state in run.glob("*/step-*/state.pt"):
        manifest = state.with_name("manifest.json")
        known = json.loads(manifest.read_text())
        state.write_bytes(trap)
        known["files"]["state.pt"] = {"bytes": len(trap), "sha256": hashlib.sha256(trap).hexdigest()}
        manifest.write_text(json.dumps(known))
    assert main(["evaluate", str(run), "--split", "test"]) == 2
    assert "something that glimpse does not load" in capsys.readouterr().out
    assert not sprung.exists()
    pickle.loads(trap)
    assert sprung.exists()  # The trap works.


def test_ppo_learns_digits(tmp_path: Path) -> None:
    """PPO learns digits that are seen whole in one glimpse; chance is an error of 90 %."""
    agent = {"name": "sb3-ppo", "grid": 1, "n_epochs": 8, "minibatches": 4}
    train = {"steps": 8, "batch": 256, "learning_rate": 3e-3, "warmup": 0, "ema_decay": 0, "evaluate_every": 8}
    experiment = {"task": {"name": "digits", "glimpses": 1, "retina": {"patch": 8}, "initial_location": "centre"}}
    given = {**experiment, "agent": agent, "train": train, "track": {"mode": "disabled"}, "threads": 1}
    assert train_command(Experiment.model_validate(given), tmp_path / "run", resume=False) == 0
    assert float(str(read_metrics(tmp_path / "run/metrics.jsonl")[-1]["val/error_m10"])) < 45


def test_weights_that_are_not_finite_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights with NaN end the run with a user error, and the last good checkpoint is kept."""
    advance: Callable[..., Any] = Sb3Learner.advance

    def poisoned(self: Sb3Learner, *arguments: Any) -> Any:
        if self.step == 3:
            with torch.no_grad():
                next(self.agent.policy.parameters()).fill_(float("nan"))
        return advance(self, *arguments)

    monkeypatch.setattr(Sb3Learner, "advance", poisoned)
    with pytest.raises(UserError, match=r"step 3: policy\.features_extractor.* not finite"):
        train_command(small_experiment("sb3-ppo"), tmp_path / "run", resume=False)
    checkpoint = load_newest(tmp_path / "run/checkpoints", pytest.fail)
    assert checkpoint is not None and checkpoint.step == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.copies=2"], "train.copies: has no meaning because Stable-Baselines3 trains 'sb3-ppo'"),
        (["train.betas=[0.9,0.99]"], "train.betas: has no meaning"),
        (["train.compile=true"], "train.compile: has no meaning"),
        (["train.precision=bfloat16"], "train.precision: has no meaning"),
        (["train.batch=9"], "train.batch: should be a multiple of agent.minibatches, which is 2 (got 9)"),
        (["agent.memory_width=9"], "agent.memory_width: unknown key (it belongs to agent "),
    ],
)
def test_options_without_an_effect_are_refused(
    overrides: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that have no effect with SB3 are refused by their names."""
    (tmp_path / "small.yaml").write_text(dump_experiment(small_experiment("sb3-ppo")))
    assert main(["config", "validate", str(tmp_path / "small.yaml"), *overrides]) == 2
    assert message in capsys.readouterr().err


def test_without_sb3_contrib_a_command_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without sb3-contrib, one line with exit code 2 names the extra to install."""
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    (tmp_path / "small.yaml").write_text(dump_experiment(small_experiment("sb3-recurrent-ppo")))
    assert main(["train", str(tmp_path / "small.yaml"), "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: agent sb3-recurrent-ppo needs the package sb3-contrib") and error.count("\n") == 1
    assert "pip install 'glimpse-rl[recurrent]'" in error


CARRIED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no state of SB3": lambda state: state.pop("sb3"),
    "other lanes": lambda state: state["sb3"].update(observation={"glimpse": torch.zeros(3)}),
    "timesteps are a word": lambda state: state["sb3"].update(timesteps="many"),
    "a method of the environment": lambda state: state["sb3"]["lanes"]["env"].update(step=3),
    "seeds are a number": lambda state: state["sb3"]["lanes"].update(_seeds=7),
}


@pytest.mark.parametrize("change", CARRIED)
def test_a_state_that_sb3_cannot_carry_on_is_one_line(
    change: str, trained: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What SB3 and its lanes carry from one rollout to the next is checked when a run is resumed."""
    _, run = trained
    shutil.copytree(run, tmp_path / "run")
    checkpoint = load_newest(tmp_path / "run" / "checkpoints", pytest.fail)
    assert checkpoint is not None
    CARRIED[change](checkpoint.state["learner"])
    save_checkpoint(tmp_path / "run" / "checkpoints", checkpoint, keep=1)
    capsys.readouterr()
    assert main(["train", "--resume", str(tmp_path / "run"), "train.steps=8"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "does not fit the checkpoint of step 6" in message
