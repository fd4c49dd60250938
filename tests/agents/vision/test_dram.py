"""DRAM: what its parts read, which loss trains which weights, and that it learns to read in order."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.policy_gradient import gaussian_log_prob
from glimpse.agents.vision.dram import DeepRecurrentAttention, ProductGlimpse, make_dram
from glimpse.agents.vision.options import DramOptions
from glimpse.envs.images.digit_pair import DigitPair
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.options import DigitPairOptions
from glimpse.envs.lane_random import mix
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {
    "glimpse_width": 7,
    "feature_width": 9,
    "memory_width": 8,
    "context_filters": 3,
    "locator_width": 6,
    "sigma": {"start": 0.3},
}


def make_env(**options: Any) -> DigitPair:
    """Make an environment of noise in three classes, with two glimpses for each image of a pair."""
    images = torch.randint(0, 256, (12, 1, 5, 5), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    data = ImageData(images, torch.arange(12) % 3, ("a", "b", "c"))
    given = {"size": 14, "glance": 5, "glimpses": 2, "retina": {"patch": 3, "scales": 2}, **options}
    return DigitPair(DigitPairOptions.model_validate({"name": "digit-pair", **given}), data)


def make_agent(env: DigitPair, **options: Any) -> DeepRecurrentAttention:
    """Make a small agent; options of the loss do not change its weights."""
    torch.manual_seed(3)
    return make_dram(DramOptions.model_validate({**SMALL, **options}), env.observation_space, env.action_space)


def record(env: DigitPair, agent: DeepRecurrentAttention, copies: int = 2) -> Episode:
    """Play twelve examples, `copies` times each."""
    return play(env, agent, torch.arange(12), mix(torch.tensor(0), torch.arange(12)), copies=copies, record=True)


def gradients(agent: DeepRecurrentAttention, total: Tensor) -> dict[str, Tensor]:
    """Return the gradients by module, flat; zeros where there is none."""
    names, parameters = zip(*agent.named_parameters(), strict=True)
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    modules: dict[str, list[Tensor]] = {}
    for name, gradient in zip(names, found, strict=True):
        modules.setdefault(name.split(".")[0], []).append(gradient.flatten())
    return {name: torch.cat(parts) for name, parts in modules.items()}


def moved(agent: DeepRecurrentAttention, total: Tensor) -> set[str]:
    """Return the modules that get a gradient from a loss."""
    return {name for name, gradient in gradients(agent, total).items() if gradient.any()}


def test_the_glimpse_feature_is_a_product_of_patch_and_location() -> None:
    """A worked example: a hidden unit of 2 x, features 3 h and h, times ReLU(x) and ReLU(-y)."""
    network = ProductGlimpse(1, DramOptions(glimpse_width=1, feature_width=2))
    with torch.no_grad():
        for parameter, values in zip(
            network.parameters(),
            ([[2.0]], [0.0], [[3.0], [1.0]], [0.0, 0.0], [[1.0, 0.0], [0.0, -1.0]], [0.0, 0.0]),
            strict=True,
        ):
            parameter.copy_(torch.tensor(values))
    seen = network(torch.full((2, 1, 1, 1, 1), 0.5), torch.tensor([[0.5, -0.25], [-0.5, 0.25]]))
    assert seen.tolist() == [[1.5, 0.25], [0.0, 0.0]]


def test_the_classifier_never_sees_the_glance() -> None:
    """Another glance changes the next location and not the answer; another glimpse changes both."""
    env = make_env()
    agent = make_agent(env)
    seen = env.reset(torch.arange(12), torch.arange(12))
    other = {**seen, "glance": 1 - seen["glance"]}
    memory, changed = agent.initial_memory(seen), agent.initial_memory(other)
    for _ in range(3):
        decision, memory = agent(seen, memory)
        aside, changed = agent(other, changed)
        assert torch.equal(decision.answer, aside.answer)
        assert not torch.isclose(decision.location, aside.location).all(1).any()
    dark, _ = agent({**seen, "glimpse": seen["glimpse"] * 0}, agent.initial_memory(seen))
    first, _ = agent(seen, agent.initial_memory(seen))
    assert not torch.isclose(dark.answer, first.answer).all(1).any()
    assert not torch.isclose(dark.location, first.location).all(1).any()


def test_the_replay_gives_the_outputs_of_acting() -> None:
    """Answers and mean locations of all steps at once are those of single steps."""
    env = make_env()
    agent = make_agent(env)
    episode = record(env, agent)
    seen = episode.observation
    read, _ = agent.reading.unroll(agent.glimpse_network(seen["glimpse"], seen["location"]), None)
    torch.testing.assert_close(agent.classifier(read), episode.answer)
    hidden = agent._unroll_looking(read, seen)
    assert episode.action["look"].shape == (4, 24, 2)
    greedy = play(env, agent, torch.arange(12), torch.arange(12), greedy=True)
    read, _ = agent.reading.unroll(
        agent.glimpse_network(greedy.observation["glimpse"], greedy.observation["location"]), None
    )
    hidden = agent._unroll_looking(read, greedy.observation)
    torch.testing.assert_close(agent.locator(hidden, greedy.observation["time"])[0], greedy.action["look"])


def test_each_target_is_learned_at_its_last_glimpse() -> None:
    """The cross-entropy is that of the second and the fourth of four answers."""
    env = make_env()
    agent = make_agent(env)
    episode = record(env, agent)
    first, second = episode.label // 3, episode.label % 3
    expected = (F.cross_entropy(episode.answer[1], first) + F.cross_entropy(episode.answer[3], second)) / 2
    terms = agent.loss(episode).terms
    torch.testing.assert_close(terms["cross_entropy"], expected)
    right = (episode.answer[1].argmax(-1) == first) & (episode.answer[3].argmax(-1) == second)
    torch.testing.assert_close(terms["accuracy"], right.float().mean())
    torch.testing.assert_close(terms["return"], episode.reward.sum(0).mean())


@pytest.mark.parametrize("policy_reward", ["correct", "probability"])
def test_the_return_of_a_location_is_the_rewards_after_it(policy_reward: str) -> None:
    """Without a baseline: both rewards for the first location, the second for the next two, none for the last."""
    env = make_env()
    agent = make_agent(env, baseline="none", policy_reward=policy_reward)
    episode = record(env, agent)
    first, second = episode.label // 3, episode.label % 3
    if policy_reward == "correct":
        one, two = episode.reward[1], episode.reward[3]
    else:
        probability = episode.answer.softmax(-1)
        one = probability[1].gather(1, first[:, None])[:, 0] / 2
        two = probability[3].gather(1, second[:, None])[:, 0] / 2
    seen = episode.observation
    read, _ = agent.reading.unroll(agent.glimpse_network(seen["glimpse"], seen["location"]), None)
    mean = agent.locator(agent._unroll_looking(read, seen), seen["time"])[0]
    log_prob = gaussian_log_prob(episode.action["look"], mean, 0.3)
    expected = -(log_prob[0] * (one + two) + log_prob[1] * two + log_prob[2] * two).mean()
    torch.testing.assert_close(agent.loss(episode).terms["policy_loss"], expected.detach())


def test_which_loss_trains_which_modules() -> None:
    """The cross-entropy trains the lower half, the policy loss the upper half; with `core` it trains both."""
    env = make_env()
    upper = {"context_network", "looking", "locator"}
    for into, lower in (("locator", set()), ("core", {"glimpse_network", "reading"})):
        agent = make_agent(env, baseline="none", policy_gradient_into=into)
        episode = record(env, agent)
        silent = replace(episode, reward=torch.zeros_like(episode.reward))
        assert moved(agent, agent.loss(silent).total) == {"glimpse_network", "reading", "classifier"}
        policy_alone = agent.loss(episode).total - agent.loss(silent).total
        assert moved(agent, policy_alone) == upper | lower
    learned = make_agent(env, baseline="learned", policy_weight=0.0)
    assert moved(learned, learned.loss(record(env, learned)).total) == {
        "glimpse_network",
        "reading",
        "classifier",
        "baseline",
    }


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average", "leave_one_out", "self_critical"])
def test_every_baseline_gives_a_finite_loss(baseline: str) -> None:
    """The self-critical baseline asks for a greedy rollout."""
    env = make_env()
    agent = make_agent(env, baseline=baseline, policy_reward="probability", sigma={"schedule": "learned"})
    assert agent.greedy_copy == (baseline == "self_critical")
    total, terms = agent.loss(record(env, agent))
    assert total.isfinite() and set(terms) == {"cross_entropy", "accuracy", "policy_loss", "value_loss", "return"}
    assert moved(agent, total) >= {"locator", "classifier"}


def test_greedy_takes_the_mean_location() -> None:
    """Greedy holds for all episodes or some; otherwise the location is sampled around the mean."""
    env = make_env()
    agent = make_agent(env)
    seen = env.reset(torch.arange(4), torch.arange(4))
    decision, _ = agent(seen, agent.initial_memory(seen))
    noise = torch.ones(4, 3)
    torch.testing.assert_close(agent.act(decision, noise, True)["look"], decision.location)
    torch.testing.assert_close(agent.act(decision, noise, False)["look"], decision.location + 0.3)
    some = agent.act(decision, noise, torch.tensor([True, False, False, True]))["look"]
    torch.testing.assert_close(some[1:3], decision.location[1:3] + 0.3)
    torch.testing.assert_close(some[::3], decision.location[::3])


def test_a_path_of_another_length_is_refused() -> None:
    """Four glimpses need three locations after the first."""
    with pytest.raises(ValueError, match="glimpses 2 to 4: expected 3, got 2"):
        make_agent(make_env(), initial_path=[[0, 0], [0, 0]])


def test_it_learns_to_read_in_order() -> None:
    """Each half of the image has one of three shades of grey, and a glimpse on the left shows nothing of the right.

    Untrained locations stay on the left; without learning to look right, two thirds of the pairs would be wrong.
    """
    shades = torch.tensor([40, 120, 250], dtype=torch.uint8)[torch.arange(30) % 3]
    images = shades[:, None, None, None].expand(-1, 1, 4, 4).contiguous()
    data = ImageData(images, torch.arange(30) % 3, ("dark", "grey", "light"))
    task = {
        "size": 8,
        "glance": 4,
        "glimpses": 2,
        "retina": {"patch": 2, "scales": 1},
        "initial_location": (-0.5, 0.0),
    }
    env = DigitPair(DigitPairOptions.model_validate({"name": "digit-pair", **task}), data)
    torch.manual_seed(0)
    options = {**SMALL, "feature_width": 32, "memory_width": 32, "initial_path": [(-0.5, 0.0)] * 3}
    agent = make_dram(DramOptions.model_validate(options), env.observation_space, env.action_space)
    optimiser = torch.optim.Adam(agent.parameters(), lr=0.01)
    for step in range(150):
        key = mix(torch.tensor(step), torch.arange(64))
        loss = agent.loss(play(env, agent, env.draw_example(key), key))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    key = mix(torch.tensor(-1), torch.arange(300))
    episode = play(env, agent, env.draw_example(key), key, greedy=True)
    assert env.wrong(episode.belief, episode.label)[-1].float().mean() < 0.1
