"""Tests of the learner: schedules, averaged weights, refusals, and exact resuming."""

import copy
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from glimpse.agents.ability_questions import greedy_copy
from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.vision.locators import Gaussian
from glimpse.agents.vision.options import RamOptions
from glimpse.agents.vision.ram import RecurrentAttention, make_ram
from glimpse.config.experiment import TrainOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.errors import UserError
from glimpse.training.budget import Budget
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder

CPU = torch.device("cpu")
SMALL = {"glimpse_width": 7, "location_width": 5, "feature_width": 9, "memory_width": 8, "locator_width": 6}


def make_env() -> Classification:
    """Make an environment of noise images in four classes."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (12, 1, 9, 9), generator=noise, dtype=torch.uint8)
    data = ImageData(images, torch.arange(12) % 4, ("a", "b", "c", "d"))
    task = {"name": "images", "retina": {"patch": 3}, "glimpses": 3}
    return Classification(ClassificationOptions.model_validate(task), data)


ENV = make_env()
ORDER = TrainingOrder(ENV.examples, 6, seed=0, device=CPU)


def make_learner(agent: dict[str, Any] | None = None, **train: Any) -> EpisodeLearner:
    """Make a learner of a small RAM, in float32 by default."""
    torch.manual_seed(2)
    options = RamOptions.model_validate({**SMALL, **(agent or {})})
    made = make_ram(options, ENV.observation_space, ENV.action_space)
    given = {"steps": 100, "batch": 6, "copies": 2, "precision": "float32", **train}
    return EpisodeLearner(made, TrainOptions.model_validate(given), CPU)


def collect(learner: EpisodeLearner) -> Episode:
    """Return the episodes of the next update."""
    return cast(Episode, learner.collect(ENV, ORDER))


def learn(learner: EpisodeLearner, updates: int) -> list[dict[str, float]]:
    """Run some updates and return the loss terms of each."""
    return [{k: v.item() for k, v in learner.learn(collect(learner)).items()} for _ in range(updates)]


def weights(module: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all parameters and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def sigma(agent: Agent) -> float:
    """Return the current sigma of the agent's locations."""
    return cast(Gaussian, cast(RecurrentAttention, agent).locator.gaussian).current().item()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Return True if both have the same names and exactly equal tensors."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        # Linear warm-up over four steps; the first step's rate is not zero.
        ("constant", 0, 0.25),
        ("constant", 2, 0.75),
        ("constant", 50, 1.0),
        # 0.1 + 0.9 * (1 + cos(pi * done)) / 2 from 1 to 0.1.
        ("cosine", 0, 0.25),
        ("cosine", 25, 0.1 + 0.9 * (1 + 0.5**0.5) / 2),
        ("cosine", 50, 0.55),
        ("cosine", 100, 0.1),
        # From 0.04 up in 30 steps, then down to 0.1 in 70; no warm-up of its own.
        ("one_cycle", 0, 0.04),
        ("one_cycle", 15, 0.52),
        ("one_cycle", 30, 1.0),
        ("one_cycle", 65, 0.55),
        ("one_cycle", 100, 0.1),
        # Linear up, then down as sqrt(4 / step), which is 1 / 2 at the 16th step.
        ("noam", 0, 0.25),
        ("noam", 3, 1.0),
        ("noam", 15, 0.5),
    ],
)
def test_learning_rate_follows_its_schedule(schedule: str, step: int, expected: float) -> None:
    """The learning rate of each group of weights equals the value computed by hand."""
    rates: dict[str, Any] = {"learning_rate": 0.01, "final_learning_rate": 0.001, "warmup": 4}
    learner = make_learner({"locator_lr_scale": 0.5}, schedule=schedule, **rates)
    learner.step = step
    learner.learn(collect(learner))
    others, locator = learner.optimiser.param_groups
    assert others["lr"] == pytest.approx(0.01 * expected)
    assert locator["lr"] == pytest.approx(0.005 * expected)


@pytest.mark.parametrize(("schedule", "expected"), [("constant", 1.0), ("cosine", 0.55), ("one_cycle", 0.8306)])
def test_schedules_follow_the_budget_of_time(schedule: str, expected: float) -> None:
    """The learning rate depends on the progress that the budget tells, whatever the number of the step."""

    class Half(Budget):
        steps = None

        def progress(self, step: int) -> float:
            return 0.5 if step < 3 else 1.0

    rates: dict[str, Any] = {"learning_rate": 0.01, "final_learning_rate": 0.001, "warmup": 0}
    learner = make_learner(steps=None, minutes=1, schedule=schedule, **rates)
    assert learner.progress == 0 and not learner.done
    learner.budget = Half()
    learn(learner, 2)
    assert learner.optimiser.param_groups[0]["lr"] == pytest.approx(0.01 * expected, rel=1e-3)
    assert not learner.done
    learn(learner, 1)
    assert learner.done


def test_training_is_done_after_its_steps() -> None:
    """A learner is done after exactly the given number of steps."""
    learner = make_learner(steps=2)
    done = []
    for _ in range(2):
        done.append(learner.done)
        learn(learner, 1)
    assert done == [False, False] and learner.done and learner.progress == 1.0


def test_the_locator_learns_at_its_own_rate() -> None:
    """`locator_lr_scale` scales the locator's learning rate, seen in Adam's first step, whose size is that rate."""
    learner = make_learner({"locator_lr_scale": 0.1}, learning_rate=0.01, warmup=0, schedule="constant")
    before = weights(learner.agent)
    learn(learner, 1)
    moved = {name: (value - before[name]).abs().max().item() for name, value in weights(learner.agent).items()}
    assert moved["locator.mean.weight"] == pytest.approx(0.001, rel=1e-3)
    assert moved["classifier.weight"] == pytest.approx(0.01, rel=1e-3)


def test_sigma_moves_after_the_update_that_used_it() -> None:
    """Sigma changes only after the update whose locations were drawn with it, and ends at its final value."""
    learner = make_learner({"sigma": {"start": 0.4, "end": 0.2}}, steps=4)
    sigmas = [sigma(learner.agent)]
    for _ in range(4):
        sampled = collect(learner)
        assert sigma(learner.agent) == sigmas[-1]
        learner.learn(sampled)
        sigmas.append(sigma(learner.agent))
    assert sigmas == pytest.approx([0.4, 0.35, 0.3, 0.25, 0.2])
    assert sigma(learner.averaged) == pytest.approx(0.2)


@pytest.mark.parametrize("average", [0.0, 0.15, 0.999])
def test_weights_are_averaged(average: float) -> None:
    """The average has decay min(ema_decay, (1 + step) / (10 + step)), so that it forgets quickly at first."""
    learner = make_learner(ema_decay=average, learning_rate=0.1, warmup=0)
    expected = weights(learner.agent)
    for step in range(3):
        learn(learner, 1)
        decay = min(average, (1 + step) / (10 + step))
        current = weights(learner.agent)
        for name, _ in learner.agent.named_parameters():
            current[name] = decay * expected[name] + (1 - decay) * current[name]
        expected = current
    torch.testing.assert_close(weights(learner.averaged), expected)
    assert average == 0 or not same(weights(learner.averaged), weights(learner.agent))


def test_averaged_weights_have_no_graph() -> None:
    """Averaged weights keep no autograd graph, which would grow with every update."""
    learner = make_learner()
    learn(learner, 2)
    assert not any(parameter.requires_grad or parameter.grad_fn for parameter in learner.averaged.parameters())


def test_the_terms_are_reported() -> None:
    """The loss, its parts, the mean reward of an episode and the norm of the gradient are reported."""
    learner = make_learner({"policy_weight": 0.5})
    episode = collect(learner)
    terms = {name: term.item() for name, term in learner.learn(episode).items()}
    parts = {"cross_entropy", "accuracy", "policy_loss", "value_loss", "return", "reward", "loss"}
    assert set(terms) == parts | {"grad_norm"}
    assert terms["reward"] == pytest.approx(episode.reward.sum().item() / 12)
    assert terms["loss"] == pytest.approx(terms["cross_entropy"] + 0.5 * terms["policy_loss"] + terms["value_loss"])


def test_clipping_bounds_the_gradient() -> None:
    """The gradient that reaches the optimiser has norm `max_grad_norm`; what is reported is its norm before that."""
    learner = make_learner(max_grad_norm=0.01)
    norms = []

    def norm_of(learner: EpisodeLearner) -> float:
        gradients = [p.grad for p in learner.agent.parameters() if p.grad is not None]
        return nn.utils.get_total_norm(gradients).item()

    cast(torch.optim.AdamW, learner.optimiser).register_step_pre_hook(lambda *_: norms.append(norm_of(learner)))
    clipped = learn(learner, 2)
    assert norms == pytest.approx([0.01, 0.01], rel=1e-3)
    free = make_learner(max_grad_norm=None)
    cast(torch.optim.AdamW, free.optimiser).register_step_pre_hook(lambda *_: norms.append(norm_of(free)))
    reported = learn(free, 1)[0]["grad_norm"]
    assert reported == pytest.approx(norms[-1]) and reported == pytest.approx(clipped[0]["grad_norm"])


def test_the_self_critical_baseline_has_its_greedy_copies() -> None:
    """Copy 0 of each example looks at the policy's mean location, copy 1 elsewhere."""
    learner = make_learner({"baseline": "self_critical", "sigma": {"start": 0.3}})
    for parameter in cast(RecurrentAttention, learner.agent).locator.parameters():
        nn.init.zeros_(parameter)  # The mean location is the centre.
    look = collect(learner).action["look"].unflatten(1, (6, 2))
    assert look[:, :, 0].count_nonzero() == 0 and look[:, :, 1].abs().min() > 0
    assert greedy_copy(make_learner().agent) is False


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reward_that_is_not_finite_is_refused(value: float) -> None:
    """The error names the step and the tensors; weights, average and optimiser are unchanged."""
    learner = make_learner()
    learn(learner, 3)
    before, averaged = weights(learner.agent), weights(learner.averaged)
    optimiser = copy.deepcopy(learner.optimiser.state_dict()["state"])
    episode = collect(learner)
    reward = episode.reward.clone()
    reward[-1, 2] = value
    with pytest.raises(UserError, match=r"step 3: .*reward.* not finite.*train\.learning_rate"):
        learner.learn(replace(episode, reward=reward))
    assert same(weights(learner.agent), before) and same(weights(learner.averaged), averaged)
    assert learner.step == 3
    for number, state in learner.optimiser.state_dict()["state"].items():
        assert same(state, optimiser[number])


def test_a_loss_that_is_not_finite_is_refused() -> None:
    """Weights with NaN give an error that names the loss term, and are not saved."""
    learner = make_learner()
    nn.init.constant_(cast(RecurrentAttention, learner.agent).classifier.weight, float("nan"))
    with pytest.raises(UserError, match=r"step 0: .*cross_entropy.*loss.* not finite"):
        learner.learn(collect(learner))
    with pytest.raises(UserError, match=r"step 0: classifier\.weight not finite"):
        learner.state()


@pytest.mark.parametrize(
    "agent",
    [
        {"baseline": "moving_average", "sigma": {"start": 0.3, "schedule": "geometric"}},
        {"recurrent_core": "lstm", "policy_gradient_into": "core", "sigma": {"schedule": "learned"}},
    ],
)
def test_a_restored_learner_continues_exactly(agent: dict[str, Any]) -> None:
    """Three updates after a restore exactly equal those of the run that was never stopped."""
    learner = make_learner(agent)
    learn(learner, 3)
    kept = copy.deepcopy((learner.averaged.state_dict(), learner.state()))
    after = learn(learner, 3)
    resumed = make_learner(agent)
    learn(resumed, 1)
    resumed.restore(*kept)
    assert resumed.step == 3 and learn(resumed, 3) == after
    assert same(weights(resumed.agent), weights(learner.agent))
    assert same(weights(resumed.averaged), weights(learner.averaged))


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_bfloat16_learns_like_float32(core: str) -> None:
    """The cross-entropy of ten updates in bfloat16 stays within 0.05 of float32."""
    wide = {"recurrent_core": core, **{name: 64 for name in SMALL}}
    full, half = (make_learner(wide, precision=name) for name in ("float32", "bfloat16"))
    assert half.bfloat16 and not full.bfloat16
    exact, rounded = learn(full, 10), learn(half, 10)
    for one, other in zip(exact, rounded, strict=True):
        assert other["cross_entropy"] == pytest.approx(one["cross_entropy"], abs=0.05)
        assert other["cross_entropy"] != one["cross_entropy"]
    assert all(parameter.dtype == torch.float32 for parameter in half.agent.parameters())


def test_the_averaged_agent_has_no_dropout() -> None:
    """The averaged agent is in evaluation mode, without dropout, and the trained agent in training mode."""
    learner = make_learner()
    assert learner.agent.training and not learner.averaged.training


def test_weight_decay_is_decoupled() -> None:
    """Weight decay subtracts rate x decay = 0.01 x 0.5 of each weight, apart from the gradient's step."""
    kept, decayed = (make_learner(learning_rate=0.01, warmup=0, weight_decay=decay) for decay in (0.0, 0.5))
    before = weights(kept.agent)
    rate = kept._learning_rate()
    for learner in (kept, decayed):
        learn(learner, 1)
    for name, weight in kept.agent.named_parameters():
        left = dict(decayed.agent.named_parameters())[name]
        torch.testing.assert_close(weight - left, rate * 0.5 * before[name], atol=1e-6, rtol=1e-3)
