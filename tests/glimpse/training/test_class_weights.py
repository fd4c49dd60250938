"""Tests of `task.class_weights`: weights of classes in the cross-entropy."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.agents.ability_questions import weigh_classes
from glimpse.agents.classification_loss import mean_cross_entropy, weighed
from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.errors import UserError
from glimpse.runs.build import make_split_env
from glimpse.training.class_weights import balanced_weights
from glimpse.training.example_order import make_order
from glimpse.training.make_learner import make_learner

CPU = torch.device("cpu")


def test_the_mean_is_weighted_by_hand() -> None:
    """Two examples with p = 1/4 of class 0 and p = 3/4 of class 1, of weights 2 and 0.5."""
    logits = torch.tensor([[0.25, 0.75], [0.25, 0.75]]).log()
    label, weights = torch.tensor([0, 1]), torch.tensor([2.0, 0.5])
    expected = (2 * torch.tensor(4.0).log() + 0.5 * torch.tensor(4 / 3).log()) / 2
    torch.testing.assert_close(mean_cross_entropy(logits, label, 0.0, weights), expected)
    plain = mean_cross_entropy(logits, label, 0.1)
    torch.testing.assert_close(mean_cross_entropy(logits, label, 0.1, torch.ones(2)), plain)
    losses = torch.tensor([3.0, 7.0])
    assert weighed(losses, label, None) is losses
    assert weighed(losses, label, weights).tolist() == [6.0, 3.5]


def test_balanced_weights_by_hand() -> None:
    """6 and 2 of 8 examples in two classes weigh 8 / 12 and 8 / 4; a class without examples counts for nothing."""
    assert balanced_weights({"a": 6, "b": 2}).tolist() == pytest.approx([2 / 3, 2])
    weights = balanced_weights({"a": 6, "none": 0, "b": 2})
    assert weights.tolist() == pytest.approx([2 / 3, 1, 2])


def _cases() -> dict[str, str]:
    """Return each agent that classifies, with a small environment that fits it."""
    small = {"classification": "digits", "text": "text", "skim": "skim"}
    rows = [(agent, kind, row.learner) for agent, row in AGENTS.items() for kind in row.kinds if kind in small]
    return {agent: small[kind] for agent, kind, learner in rows if learner == "gradient"}


_AGENTS = {"conv": {"layers": ({"filters": 4, "size": 3},)}}


@pytest.mark.parametrize(("agent", "env"), _cases().items(), ids=list(_cases()))
def test_a_loss_is_linear_in_the_weights(agent: str, env: str, tmp_path: Path) -> None:
    """Every agent's loss on the same data, with the same draws, grows by the same amount for each unit of weight.

    Nothing else of it depends on weights: rewards and policy losses are as without weights.
    """
    task: dict[str, Any] = {"name": env, **AGENTS[agent].task}
    if env == "digits":
        task |= {"glimpses": AGENTS[agent].task.get("glimpses", 2)}
    else:
        (tmp_path / "texts.csv").write_text(
            "\n".join(["text,label", *["so bad,b", "it was good,a", "fine,a"] * 12, ""])
        )
        task |= {"data": f"file:{tmp_path}/texts.csv", "vectors": "none"}
    experiment = Experiment.model_validate(
        {
            "task": task,
            "agent": {"name": agent, **_AGENTS.get(agent, {})},
            "train": {"steps": 9, "batch": 64, "copies": 2, "precision": "float32"},
            "device": "cpu",
        }
    )
    train = make_split_env(experiment, "train", CPU)
    learner: Any = make_learner(experiment, train, None, print)
    learner.agent.eval().set_progress(0.5)
    torch.manual_seed(5)
    data, losses, terms = learner.collect(train, make_order(train, experiment)), [], []
    others = [1.0] * (len(train.classes) - 1)
    for weight in (None, 1.0, 2.0, 3.0):
        assert weight is None or weigh_classes(learner.agent, torch.tensor([*others, weight]))
        torch.manual_seed(5)
        loss = learner.agent.loss(data)
        losses.append(float(loss.total.detach()))
        terms.append({name: float(value) for name, value in loss.terms.items() if name in ("reward", "policy_loss")})
    plain, one, two, three = losses
    assert one == pytest.approx(plain, abs=1e-5)
    assert two - one == pytest.approx(three - two, abs=1e-4) and two - one > 1e-3
    assert all(each == pytest.approx(terms[0], abs=1e-5) for each in terms)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["task.class_weights.seven=2"], "task.class_weights: there is no class 'seven'; the classes are '0', '1', "),
        (["task.class_weights=balanced", "agent.name=sb3-ppo"], "agent 'sb3-ppo' cannot weigh classes: leave it out"),
    ],
)
def test_what_cannot_be_weighed_is_refused(overrides: list[str], line: str, tmp_path: Path) -> None:
    """An unknown class and an agent that cannot weigh classes are refused in one line."""
    experiment = load_experiment("digits-ram", [*overrides, "train.steps=1", "device=cpu", "train.batch=32"])
    with pytest.raises(UserError) as caught:
        make_learner(experiment, make_split_env(experiment, "validation", CPU), None, print)
    assert line in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("task.class_weights=balance", "task.class_weights: should be "),
        ("task.class_weights={'3': 0}", "task.class_weights"),
        ("task.class_weights={'3': much}", "task.class_weights"),
        ("task.class_weights={3: 1}", "the key 3 is not text"),
        ("task.class_weights={}", "task.class_weights"),
    ],
)
def test_mistakes_are_reported(override: str, line: str) -> None:
    """A wrong weight is refused in one line that names the key."""
    with pytest.raises(UserError) as caught:
        load_experiment("digits-ram", [override])
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_weights_are_written_and_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config with weights, dumped, is read back equal; weights of a lower layer are merged, or replaced by a word."""
    path = tmp_path / "weighted.yaml"
    path.write_text("extends: digits-ram\ntask:\n  class_weights:\n    '3': 2\n")
    experiment = load_experiment(path, ["task.class_weights.4=0.5"])
    assert experiment.task.model_dump()["class_weights"] == {"3": 2, "4": 0.5}
    (tmp_path / "again.yaml").write_text(dump_experiment(experiment))
    assert load_experiment(tmp_path / "again.yaml") == experiment
    balanced = load_experiment(path, ["task.class_weights=balanced"])
    assert balanced.task.model_dump()["class_weights"] == "balanced"
    run = ["train", "digits-ram", "task.class_weights=balanced", "train.steps=1", "train.batch=4"]
    assert main([*run, "track.mode=disabled", "--run", str(tmp_path / "run")]) == 0
