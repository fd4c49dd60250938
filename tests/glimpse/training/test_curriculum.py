"""Curricula: which task is trained on when, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.envs.core import BatchedEnv
from glimpse.errors import UserError
from glimpse.runs.checkpoint import load_newest
from glimpse.runs.run_folder import RunFolder
from glimpse.training.progress import Progress
from glimpse.training.train import train_command
from glimpse.training.training import Training

FIRST, SECOND = "{until: 0.3, task: {initial_location: random}}", "{until: 0.6, task: {initial_location_std: 0.5}}"
STAGES = f"train.curriculum=[{FIRST}, {SECOND}]"


def small(*overrides: str, steps: int = 10) -> Experiment:
    """Return the config of RAM on scikit-learn's digits, with few steps and units."""
    sizes = [
        f"train.steps={steps}",
        "train.batch=4",
        "evaluate.copies=1",
        "agent.memory_width=8",
        "track.mode=disabled",
    ]
    return load_experiment(shipped_configs()["digits-ram"], [*sizes, "threads=1", *overrides])


def test_each_stage_lasts_until_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten steps three are on the first task, three on the second, and the last four on the task itself."""
    experiment = small(STAGES)
    training = Training(experiment, RunFolder.create(tmp_path / "run", "x: 1"), Progress())
    seen: list[Any] = []
    advance = training.learner.advance

    def note(env: BatchedEnv, order: Any) -> dict[str, torch.Tensor]:
        seen.append((env.options.initial_location, env.options.initial_location_std))  # type: ignore[attr-defined]
        return advance(env, order)

    monkeypatch.setattr(training.learner, "advance", note)
    training.start_clock()
    for _ in range(10):
        training.advance()
    own = (experiment.task.initial_location, 0.0)  # type: ignore[attr-defined]
    assert own[0] == "centre"
    assert seen == [("random", 0.0)] * 3 + [(own[0], 0.5)] * 3 + [own] * 4
    assert training.validation.options == experiment.task  # type: ignore[attr-defined]


def test_a_resumed_run_is_in_its_stage(tmp_path: Path) -> None:
    """Stopped within a stage and resumed, the weights are those of a run in one go, and not those without stages."""
    found = {}
    for name, first, stages in (("whole", 0, STAGES), ("halved", 4, STAGES), ("plain", 0, "train.curriculum=[]")):
        if first:
            stopped_at(first, small(stages), tmp_path / name)
        assert train_command(small(stages), tmp_path / name, resume=first > 0) == 0
        newest = load_newest(tmp_path / name / "checkpoints", pytest.fail)
        assert newest is not None
        found[name] = newest.weights
    assert all(torch.equal(value, found["halved"][key]) for key, value in found["whole"].items())
    assert not all(torch.equal(value, found["plain"][key]) for key, value in found["whole"].items())


def stopped_at(steps: int, experiment: Experiment, run: Path) -> None:
    """Train a run of ten steps for some of them, and save it."""
    training = Training(experiment, RunFolder.create(run, dump_experiment(experiment)), Progress())
    training.start_clock()
    for _ in range(steps):
        training.advance()
    training.save()


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ("[{until: 0.5, task: {glimpse: 2}}]", "task.glimpse of the stage until 0.5 is an unknown key (did you mean"),
        ("[{until: 0.5, task: {glimpses: 0}}]", "task.glimpses of the stage until 0.5: Input should be greater than"),
        ("[{until: 0.5, task: {data: mnist}}]", "has the name and the data of the task: leave data out"),
        ("[{until: 0.5, task: {}}, {until: 0.5, task: {}}]", "larger than the one before (got 0.5, 0.5)"),
    ],
)
def test_stages_that_are_none(stages: str, problem: str) -> None:
    """A mistake in a stage is one of the config."""
    with pytest.raises(UserError) as raised:
        small(f"train.curriculum={stages}")
    assert problem in str(raised.value)


def test_stages_that_the_agent_cannot_learn_on() -> None:
    """What an agent asks of its task it asks of each stage: a saliency control needs its glance."""
    over = ["agent.look_policy=saliency", "train.curriculum=[{until: 0.5, task: {glance: null}}]"]
    with pytest.raises(UserError, match="stage until 0.5 does not fit the agent: .*needs a glance"):
        load_experiment(shipped_configs()["megapixel-anytime"], over)


def test_stages_with_fewer_looks(tmp_path: Path) -> None:
    """The anytime agent can begin with shorter episodes; other agents cannot, and longer ones fit none."""
    cases = (("digits-anytime", 2, True), ("digits-anytime", 99, False), ("digits-random", 2, False))
    for config, looks, fits in cases:
        stages = f"train.curriculum=[{{until: 0.5, task: {{glimpses: {looks}}}}}]"
        over = [stages, "train.steps=4", "train.batch=8", "train.evaluate_every=4", "threads=1", "track.mode=disabled"]
        experiment = load_experiment(shipped_configs()[config], over)
        if fits:
            assert train_command(experiment, tmp_path / f"{config}-{looks}", resume=False) == 0
            continue
        with pytest.raises(UserError, match=r"time is Discrete\(\d+\) instead of Discrete"):
            train_command(experiment, tmp_path / f"{config}-{looks}", resume=False)


def test_stages_that_show_something_else(tmp_path: Path) -> None:
    """A stage with other observations, and one for an agent of Stable-Baselines3, are refused before training."""
    stages = "train.curriculum=[{until: 0.5, task: {retina: {patch: 4}}}]"
    with pytest.raises(UserError, match=r"until 0.5 does not fit the task: glimpse is Box\(.* instead of Box\("):
        train_command(small(stages), tmp_path / "run", resume=False)
    sb3 = load_experiment(shipped_configs()["digits-sb3-ppo"], [STAGES, "threads=1", "track.mode=disabled"])
    with pytest.raises(UserError, match="agents of Stable-Baselines3 train on one task"):
        train_command(sb3, tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()
