"""Tests of the optimisers: their updates by hand, which parameters Muon trains, and resuming to the bit."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

import glimpse
from glimpse.agents.agent import BatchAgent
from glimpse.agents.episode import Batch, Decision, Loss
from glimpse.agents.hidden_matrices import hidden_matrices, output_sizes
from glimpse.config.experiment import Experiment, TrainOptions
from glimpse.config.files import load_experiment
from glimpse.errors import UserError
from glimpse.runs.build import make_agent, make_split_env
from glimpse.runs.checkpoint import load_newest
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.optimiser_state import check_optimiser_state
from glimpse.training.optimisers import _WRAPPED, QuickAdamW, _uncompiled
from glimpse.training.train import train_command

CPU = torch.device("cpu")
BATCH = Batch({"x": torch.tensor([[1.0, 2.0, -1.0, 0.5]])}, torch.tensor([1]))


class _Net(BatchAgent):
    """Two layers, 4 to 6 to 3, whose loss is the sum of squared outputs."""

    steps = 1

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)

    def initial_memory(self, observation: dict[str, Tensor]) -> None:
        """Return None."""

    def forward(self, observation: dict[str, Tensor], memory: Any) -> tuple[Decision, None]:
        """Return the outputs."""
        return Decision(self.second(self.first(observation["x"])), {}), None

    def act(self, decision: Decision, noise: Tensor, greedy: Tensor | bool) -> dict[str, Tensor]:
        """Return the likeliest class."""
        return {"answer": decision.answer.argmax(-1)}

    def loss(self, batch: Batch) -> Loss:
        """Return the sum of squared outputs."""
        total = self(batch.observation, None)[0].answer.square().sum()
        return Loss(total, {"squares": total.detach()})


def _learner(**train: Any) -> EpisodeLearner:
    given = {"steps": 9, "learning_rate": 0.1, "warmup": 0, "schedule": "constant", "precision": "float32", **train}
    return EpisodeLearner(_Net(), TrainOptions.model_validate(given), CPU, {3})


def _gradients(learner: EpisodeLearner) -> dict[str, Tensor]:
    """Return the gradients at the learner's weights, and the weights' own copies stay as they are."""
    net = copy.deepcopy(learner.agent)
    net.loss(BATCH).total.backward()
    return {name: each.grad.clone() for name, each in net.named_parameters() if each.grad is not None}


def _weights(learner: EpisodeLearner) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in learner.agent.named_parameters()}


def test_sgd_updates_by_hand() -> None:
    """The velocity is v = m v + g + d w, with the L2 term d w, and w = w - lr v."""
    learner = _learner(optimizer="sgd", momentum=0.5, weight_decay=0.2, learning_rate=0.01)
    speed = dict.fromkeys(_weights(learner), torch.zeros(()))
    for _ in range(3):
        before, slope = _weights(learner), _gradients(learner)
        learner.learn(BATCH)
        for name, after in _weights(learner).items():
            speed[name] = 0.5 * speed[name] + slope[name] + 0.2 * before[name]
            torch.testing.assert_close(after, before[name] - 0.01 * speed[name])


def test_adamw_is_the_default_and_updates_by_hand() -> None:
    """The first update is lr sign(g), after a decoupled decay of lr d w."""
    learner = _learner(weight_decay=0.2)
    before, slope = _weights(learner), _gradients(learner)
    learner.learn(BATCH)
    for name, after in _weights(learner).items():
        torch.testing.assert_close(after, before[name] * (1 - 0.1 * 0.2) - 0.1 * slope[name].sign(), atol=1e-5, rtol=0)


def test_the_quick_step_is_torch_s_own() -> None:
    """Weights and state are equal to the bit, and a parameter without a gradient is left as it is, without a state."""
    nets = [_Net(), _Net()]
    quick, plain = (
        kind([{"params": [each]} for each in net.parameters()], lr=0.1, weight_decay=0.2, fused=True)
        for kind, net in zip((QuickAdamW, torch.optim.AdamW), nets, strict=True)
    )
    for number in range(3):
        for net, optimiser in zip(nets, (quick, plain), strict=True):
            optimiser.zero_grad()
            net.loss(BATCH).total.backward()
            if number < 2:
                net.second.bias.grad = None
            optimiser.step()
        assert len(quick.state_dict()["state"]) == (3 if number < 2 else 4)
    states = [optimiser.state_dict()["state"] for optimiser in (quick, plain)]
    assert states[0].keys() == states[1].keys()
    for number, moments in states[0].items():
        assert moments.keys() == states[1][number].keys()
        assert all(torch.equal(value, states[1][number][name]) for name, value in moments.items())
    assert all(map(torch.equal, nets[0].parameters(), nets[1].parameters()))


def test_muon_orthogonalises_hidden_matrices_and_leaves_the_rest_to_adamw() -> None:
    """The first layer's update is nearly orthogonal, of 0.2 root mean square by step; all else moves as by AdamW."""
    learner, adamw = _learner(optimizer="muon", momentum=0.0), _learner()
    before, slope = _weights(learner), _gradients(learner)
    learner.learn(BATCH)
    adamw.learn(BATCH)
    after, expected = _weights(learner), _weights(adamw)
    moved = before["first.weight"] - after["first.weight"]
    # The gradient of one example has rank 1: the update is its direction u v', times lr and 0.2 sqrt(max(6, 4)).
    u, _, v = torch.linalg.svd(slope["first.weight"])
    direction = torch.outer(u[:, 0], v[0])
    scale = float((moved * direction).sum()) / (0.1 * 0.2 * 6**0.5)
    assert 0.6 < scale < 1.3  # Five steps of Newton and Schulz bring singular values near 1.
    torch.testing.assert_close(moved, direction * (moved * direction).sum(), atol=1e-3, rtol=0)
    others = [name for name in after if name != "first.weight"]
    assert len(others) == 3 and all(torch.equal(after[name], expected[name]) for name in others)


@pytest.mark.parametrize(
    ("config", "hidden", "not_hidden"),
    [
        ("digits-ram", {"core.", "glimpse_network."}, {"classifier.weight", "locator.mean.weight", "baseline.weight"}),
        ("planted-reader", {"encoder."}, {"embedding.weight"}),
    ],
)
def test_output_layers_and_tables_are_no_hidden_matrices(config: str, hidden: set[str], not_hidden: set[str]) -> None:
    """Muon trains the layers of recurrent core, glimpse network and encoder, but no head, locator or word vectors."""
    experiment = load_experiment(config, ["device=cpu"])
    env = make_split_env(experiment, "validation", CPU)
    agent = make_agent(experiment, env)
    found = {id(each) for each in hidden_matrices(agent, output_sizes(env.action_space))}
    names = {name for name, each in agent.named_parameters() if id(each) in found}
    assert all(any(name.startswith(part) for name in names) for part in hidden)
    assert not names & not_hidden and not_hidden <= dict(agent.named_parameters()).keys()
    assert not any("bias" in name for name in names)


def test_sizes_of_outputs() -> None:
    """Classes, coordinates, levels from the lowest to the highest, and a single number."""
    look = spaces.Box(-1, 1, (2,))
    assert output_sizes(spaces.Dict({"answer": spaces.Discrete(7), "look": look})) == {1, 2, 3, 7}
    assert output_sizes(spaces.Dict({"score": spaces.Box(1, 5, ())})) == {1, 5}
    assert output_sizes(spaces.Dict({"target": spaces.MultiDiscrete([9, 9])})) == {1, 9}


@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path: Path, optimizer: str) -> None:
    """The optimiser's state is saved and read back, so that weights are equal to the bit."""
    experiment = Experiment.model_validate(
        {
            "task": {"name": "digits", "glimpses": 2},
            "agent": {"name": "ram", "memory_width": 8, "feature_width": 8, "locator_lr_scale": 0.5},
            "train": {"steps": 6, "batch": 4, "save_every": 3, "keep": 9, "optimizer": optimizer, "evaluate_every": 6},
            "evaluate": {"copies": 1},
            "track": {"mode": "disabled"},
            "threads": 1,
        }
    )
    assert train_command(experiment, tmp_path / "run", resume=False) == 0
    whole = load_newest(tmp_path / "run" / "checkpoints", pytest.fail)
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-000000006")
    assert train_command(experiment, tmp_path / "run", resume=True) == 0
    again = load_newest(tmp_path / "run" / "checkpoints", pytest.fail)
    assert whole is not None and again is not None and whole.step == again.step == 6
    assert all(torch.equal(whole.weights[name], again.weights[name]) for name in whole.weights)
    moments = whole.state["learner"]["optimiser"]["state"]
    assert len(moments) == len(list(again.state["learner"]["optimiser"]["state"])) > 8


def test_a_state_of_another_optimiser_is_refused() -> None:
    """A state of AdamW does not continue SGD or Muon, and the other way round."""
    learners = {name: _learner(optimizer=name) for name in ("adamw", "sgd", "muon")}
    for learner in learners.values():
        learner.learn(BATCH)
    for ours, learner in learners.items():
        for theirs, other in learners.items():
            state = other.optimiser.state_dict()
            if ours == theirs:
                check_optimiser_state(learner.optimiser, state)
            else:
                with pytest.raises((ValueError, KeyError)):
                    check_optimiser_state(learner.optimiser, state)


def test_muon_is_refused_in_words_where_it_cannot_train(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older torch lacks it, and an agent whose hidden matrices are frozen needs none."""
    net = _Net()
    net.first.requires_grad_(False)
    options = TrainOptions(steps=1, optimizer="muon")
    with pytest.raises(UserError, match="no matrix between hidden layers is trained"):
        EpisodeLearner(net, options, CPU, {3})
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(UserError, match="has no Muon, which came with torch 2.9; give adamw or sgd"):
        EpisodeLearner(_Net(), options, CPU, {3})


_UPDATES = """
import sys
import torch
from types import SimpleNamespace
from glimpse.config.experiment import TrainOptions
from glimpse.training.optimisers import make_optimiser

layer = torch.nn.Linear(3, 2)
agent = SimpleNamespace(learning_rates=lambda: [(layer.parameters(), 1.0)])
for name in ("adamw", "sgd"):
    optimiser = make_optimiser(agent, TrainOptions(steps=1, optimizer=name), {2})
    layer(torch.ones(3)).sum().backward()
    with torch.no_grad():
        optimiser.step()
        optimiser.zero_grad()
    optimiser.load_state_dict(optimiser.state_dict())
assert "torch._dynamo" not in sys.modules
"""


def test_updates_do_not_import_the_compiler() -> None:
    """Its import would take as long as that of torch, at the first step of each training."""
    home = str(Path(glimpse.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", _UPDATES], env={**os.environ, "PYTHONPATH": home}, timeout=120)
    assert done.returncode == 0


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
def test_an_optimiser_is_torchs_own_but_for_the_compiler(kind: type[torch.optim.Optimizer]) -> None:
    """It updates weights as the class of torch, to the bit."""
    weights = []
    for made in (kind, _uncompiled(kind, *_WRAPPED)):
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 7))
        optimiser = made([weight], lr=0.1, weight_decay=0.01)  # type: ignore[call-arg]
        for _ in range(3):
            weight.square().sum().backward()
            with torch.no_grad():
                optimiser.step()
            optimiser.zero_grad()
        weights.append(weight.detach())
    assert torch.equal(*weights) and isinstance(optimiser, kind)
