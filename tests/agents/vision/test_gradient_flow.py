"""Gradient flow of RAM: which loss trains which weights, where many public implementations are wrong."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.vision.controls import make_path
from glimpse.agents.vision.options import PathOptions, RamOptions
from glimpse.agents.vision.ram import RecurrentAttention, make_ram
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.rollout import play

Gradients = dict[str, Tensor]
SMALL: dict[str, Any] = {
    "glimpse_width": 7,
    "location_width": 5,
    "feature_width": 9,
    "memory_width": 8,
    "locator_width": 6,
    "sigma": {"start": 0.3},
}


def make_env(stop: bool = False) -> Classification:
    """Make an environment of noise in four classes, with three glimpses at two scales."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (12, 1, 9, 9), generator=noise, dtype=torch.uint8)
    data = ImageData(images, torch.arange(12) % 4, ("a", "b", "c", "d"))
    task = {"name": "images", "retina": {"patch": 3, "scales": 2}, "glimpses": 3, "glimpse_cost": 0.125}
    return Classification(ClassificationOptions.model_validate({**task, "stop": stop}), data)


def make_agent(env: Classification, **options: Any) -> RecurrentAttention:
    """Make a small RAM; options of the loss do not change its weights."""
    torch.manual_seed(3)
    agent_options = RamOptions.model_validate({**SMALL, **options})
    return make_ram(agent_options, env.observation_space, env.action_space)


def record(env: Classification, agent: RecurrentAttention, copies: int = 2, seed: int = 0) -> Episode:
    """Play twelve examples, `copies` times each."""
    key = torch.arange(12) + 1000 * seed
    return play(env, agent, torch.arange(12), key, copies=copies, record=True)


def gradients(agent: RecurrentAttention, episode: Episode) -> Gradients:
    """Return the gradient of the whole loss by parameter; zeros where there is none."""
    names, parameters = zip(*agent.named_parameters(), strict=True)
    total = agent.loss(episode).total
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    return dict(zip(names, found, strict=True))


def part(found: Gradients, *modules: str) -> Tensor:
    """Return all gradients of some modules, flat."""
    return torch.cat([gradient.flatten() for name, gradient in found.items() if name.startswith(modules)])


@pytest.mark.parametrize("into", ["locator", "core"])
@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_only_the_policy_loss_trains_the_locator(into: str, core: str) -> None:
    """Without the policy loss its gradient is exactly zero: no gradient flows through a sampled location."""
    env = make_env()
    agent = make_agent(env, policy_gradient_into=into, recurrent_core=core)
    episode = record(env, agent)
    assert part(gradients(agent, episode), "locator").norm() > 1e-3
    blind = make_agent(env, policy_gradient_into=into, recurrent_core=core, policy_weight=0.0)
    found = part(gradients(blind, episode), "locator")
    assert found.count_nonzero() == 0


def test_the_locator_has_no_gradient_without_an_advantage() -> None:
    """The score function is multiplied by the advantage."""
    env = make_env()
    agent = make_agent(env, baseline="none")
    episode = record(env, agent)
    found = gradients(agent, replace(episode, reward=torch.zeros_like(episode.reward)))
    assert part(found, "locator").count_nonzero() == 0
    assert part(found, "core").norm() > 1e-3


def test_the_locator_s_gradient_is_the_score_function() -> None:
    """For mu = tanh(b_t), d log p / d b_t = (location - mu) / sigma^2 * (1 - mu^2), summed by hand."""
    env = make_env()
    path = [[0.3, -0.2], [-0.5, 0.6]]
    options = {"sigma": {"start": 0.3}, "initial_path": path, "baseline": "leave_one_out", "policy_weight": 0.5}
    agent = make_path(PathOptions.model_validate(options), env.observation_space, env.action_space)
    episode = record(env, agent)
    reward = torch.rand(3, 24, generator=torch.Generator().manual_seed(1))
    expected = torch.zeros(3, 2)  # zero for the bias of the last step
    for step, mean in enumerate(torch.tensor(path)):
        to_go = reward[step:].sum(0)
        for lane in range(24):
            advantage = to_go[lane] - to_go[lane ^ 1]  # the other of two rollouts
            score = (episode.action["look"][step, lane] - mean) / 0.3**2 * (1 - mean**2)
            expected[step] -= 0.5 * advantage * score / 24
    found = gradients(agent, replace(episode, reward=reward))
    torch.testing.assert_close(found["locator.bias"], expected)
    assert expected[:2].abs().min() > 1e-3


def test_the_policy_gradient_stops_at_the_locator() -> None:
    """All other weights have the gradients that they have without a policy loss."""
    env = make_env()
    agent, blind = make_agent(env), make_agent(env, policy_weight=0.0)
    episode = record(env, agent)
    found, without = gradients(agent, episode), gradients(blind, episode)
    for name in found:
        assert name.startswith("locator") or torch.equal(found[name], without[name]), name


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_the_policy_gradient_flows_into_the_core_if_asked(core: str) -> None:
    """It reaches recurrent core and glimpse network, but not classifier and baseline."""
    env = make_env()
    agent = make_agent(env, policy_gradient_into="core", recurrent_core=core)
    blind = make_agent(env, policy_gradient_into="core", recurrent_core=core, policy_weight=0.0)
    episode = record(env, agent)
    found, without = gradients(agent, episode), gradients(blind, episode)
    for module in ("core", "glimpse_network"):
        assert (part(found, module) - part(without, module)).norm() > 1e-3
    assert torch.equal(part(found, "classifier", "baseline"), part(without, "classifier", "baseline"))


def test_the_value_loss_trains_the_baseline_only() -> None:
    """Without the policy loss, all other gradients are the same with a learned baseline and with none."""
    env = make_env()
    options: dict[str, Any] = {"policy_weight": 0.0, "policy_gradient_into": "core"}
    agent, without = (make_agent(env, baseline=name, **options) for name in ("learned", "none"))
    episode = record(env, agent)
    found, other = gradients(agent, episode), gradients(without, episode)
    assert part(found, "baseline").norm() > 1e-3 and part(other, "baseline").count_nonzero() == 0
    for name in found:
        assert name.startswith("baseline") or torch.equal(found[name], other[name]), name


def test_only_the_policy_loss_trains_a_learned_sigma() -> None:
    """Sigma is a parameter of the locator."""
    env = make_env()
    sigma = {"start": 0.3, "schedule": "learned"}
    agent = make_agent(env, sigma=sigma)
    blind = make_agent(env, sigma=sigma, policy_weight=0.0)
    episode = record(env, agent)
    assert gradients(agent, episode)["locator.gaussian.log_sigma"].abs() > 1e-3
    assert gradients(blind, episode)["locator.gaussian.log_sigma"] == 0


def test_a_recorded_episode_has_no_gradients() -> None:
    """None of its tensors requires a gradient."""
    env = make_env(stop=True)
    episode = record(env, make_agent(env))
    dicts = (episode.observation, episode.action, episode.activations)
    tensors = [tensor for each in dicts for tensor in each.values()]
    assert not any(tensor.requires_grad for tensor in [*tensors, episode.answer, episode.reward])


def changed(episode: Episode, action: str, step: int, lanes: Tensor) -> Episode:
    """Return the episode with one step's action altered in some lanes."""
    altered = episode.action[action].clone()
    altered[step, lanes] = 1 - altered[step, lanes]
    return replace(episode, action={**episode.action, action: altered})


def same(one: Gradients, other: Gradients) -> bool:
    """Return whether all gradients are equal to the bit."""
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("into", ["locator", "core"])
def test_the_last_location_is_not_reinforced(stop: bool, into: str) -> None:
    """No glimpse is taken there: the loss does not depend on it, but on the location before."""
    env = make_env(stop)
    agent = make_agent(env, policy_gradient_into=into)
    episode = record(env, agent)
    lanes = torch.arange(24)
    for action in ("look", "stop")[: 1 + stop]:
        last = changed(episode, action, -1, lanes)
        assert torch.equal(agent.loss(last).total, agent.loss(episode).total)
        assert same(gradients(agent, last), gradients(agent, episode))
    before = changed(episode, "look", -2, lanes)
    assert not same(gradients(agent, before), gradients(agent, episode))


def test_a_location_chosen_while_stopping_is_not_reinforced() -> None:
    """Neither is anything chosen after the end; the decision to stop is reinforced."""
    env = make_env(stop=True)
    agent = make_agent(env)
    episode = record(env, agent)
    stopped = (episode.step_mask.sum(0) == 1).nonzero().squeeze(1)
    assert 0 < len(stopped) < 24
    for step in (0, 1):
        assert same(gradients(agent, changed(episode, "look", step, stopped)), gradients(agent, episode))
    after = changed(episode, "stop", 1, stopped)
    assert same(gradients(agent, after), gradients(agent, episode))
    at_the_end = changed(episode, "stop", 0, stopped)
    assert not same(gradients(agent, at_the_end), gradients(agent, episode))


def one_lane(episode: Episode, lane: int) -> Episode:
    """Return one of the episodes as a batch of its own."""

    def pick(each: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor[:, lane : lane + 1] for name, tensor in each.items()}

    return Episode(
        observation=pick(episode.observation),
        action=pick(episode.action),
        answer=episode.answer[:, lane : lane + 1],
        reward=episode.reward[:, lane : lane + 1],
        step_mask=episode.step_mask[:, lane : lane + 1],
        label=episode.label[lane : lane + 1],
        copies=1,
        activations=pick(episode.activations),
    )


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_the_gradient_of_a_batch_is_the_mean_over_its_episodes(core: str) -> None:
    """No memory leaks from one episode into another."""
    env = make_env()
    agent = make_agent(env, recurrent_core=core, policy_gradient_into="core")
    episode = record(env, agent)
    alone = [gradients(agent, one_lane(episode, lane)) for lane in range(24)]
    for name, together in gradients(agent, episode).items():
        mean = torch.stack([each[name] for each in alone]).mean(0)
        torch.testing.assert_close(together, mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("classification", ["final", "every_step"])
@pytest.mark.parametrize("into", ["locator", "core"])
@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_recalled_activations_give_the_gradients_of_plain_autograd(
    stop: bool, classification: str, into: str, core: str
) -> None:
    """The loss with activations recorded while acting equals that of a full replay."""
    env = make_env(stop)
    agent = make_agent(env, policy_gradient_into=into, recurrent_core=core, classification=classification)
    episode = record(env, agent)
    assert episode.activations
    replayed = replace(episode, activations={})
    torch.testing.assert_close(agent.loss(episode).total, agent.loss(replayed).total)
    plain = gradients(agent, replayed)
    for name, recalled in gradients(agent, episode).items():
        torch.testing.assert_close(recalled, plain[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_recalled_activations_give_close_gradients_in_half_precision(core: str) -> None:
    """They are close to those of plain autograd in bfloat16, and not far from float32.

    The plain LSTM's kernel rounds its gates later than recorded gates are rounded, and a Transformer's products of all
    steps are rounded otherwise than those of one.
    """
    env = make_env()
    widths = {name: 64 for name in SMALL if name.endswith("width")}
    agent = make_agent(env, policy_gradient_into="core", classification="every_step", recurrent_core=core, **widths)
    with torch.autocast("cpu", torch.bfloat16):
        episode = record(env, agent)
        replayed = replace(episode, activations={})
        recalled, plain = (part(gradients(agent, each), "") for each in (episode, replayed))
    exact = part(gradients(agent, replayed), "")
    assert (recalled - plain).norm() < {"lstm": 0.03, "transformer": 0.1}.get(core, 0.01) * plain.norm()
    assert (recalled - exact).norm() < 0.1 * exact.norm()
