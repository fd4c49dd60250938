"""DRAM: what its parts see, which loss moves which weights, and that it learns to read in order."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse.agents.dram_options import DramOptions
from glimpse.agents.episode import Episode
from glimpse.agents.policy_gradient import gaussian_log_prob
from glimpse.agents.vision.dram import DeepRecurrentAttention, ProductGlimpse, make_dram
from glimpse.envs.images.digit_pair import DigitPair
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.lane_random import mix
from glimpse.envs.options import DigitPairOptions
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {
    "glimpse_width": 7,
    "feature_width": 9,
    "memory_width": 8,
    "context_filters": 3,
    "locator_width": 6,
    "sigma": {"start": 0.3},
}


def make_world(**options: Any) -> DigitPair:
    """Noise in three classes, two glimpses for each of a pair."""
    images = torch.randint(0, 256, (12, 1, 5, 5), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    data = ImageData(images, torch.arange(12) % 3, ("a", "b", "c"))
    given = {"size": 14, "context": 5, "glimpses": 2, "retina": {"patch": 3, "scales": 2}, **options}
    return DigitPair(DigitPairOptions.model_validate({"name": "digit-pair", **given}), data)


def make_agent(world: DigitPair, **options: Any) -> DeepRecurrentAttention:
    """A small one, the same whatever decides only the loss."""
    torch.manual_seed(3)
    return make_dram(DramOptions.model_validate({**SMALL, **options}), world.observation_space, world.action_space)


def record(world: DigitPair, agent: DeepRecurrentAttention, copies: int = 2) -> Episode:
    """Twelve examples, each played `copies` times."""
    return play(world, agent, torch.arange(12), mix(torch.tensor(0), torch.arange(12)), copies=copies, record=True)


def gradients(agent: DeepRecurrentAttention, total: Tensor) -> dict[str, Tensor]:
    """By module, flat; zeros where none arrives."""
    names, parameters = zip(*agent.named_parameters(), strict=True)
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    modules: dict[str, list[Tensor]] = {}
    for name, gradient in zip(names, found, strict=True):
        modules.setdefault(name.split(".")[0], []).append(gradient.flatten())
    return {name: torch.cat(parts) for name, parts in modules.items()}


def moved(agent: DeepRecurrentAttention, total: Tensor) -> set[str]:
    """The modules that a loss moves."""
    return {name for name, gradient in gradients(agent, total).items() if gradient.any()}


def test_a_glimpse_is_what_times_where() -> None:
    """By hand: a hidden unit of 2 x, features 3 h and h, times places Rect(x) and Rect(-y)."""
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


def test_the_classifier_never_sees_the_context() -> None:
    """Another context changes where one looks next, and no answer to the same glimpses; the glimpse changes both."""
    world = make_world()
    agent = make_agent(world)
    seen = world.begin(torch.arange(12), torch.arange(12))
    other = {**seen, "context": 1 - seen["context"]}
    memory, changed = agent.begin(seen), agent.begin(other)
    for _ in range(3):
        decision, memory = agent(seen, memory)
        aside, changed = agent(other, changed)
        assert torch.equal(decision.answer, aside.answer)
        assert not torch.isclose(decision.place, aside.place).all(1).any()
    dark, _ = agent({**seen, "glimpse": seen["glimpse"] * 0}, agent.begin(seen))
    first, _ = agent(seen, agent.begin(seen))
    assert not torch.isclose(dark.answer, first.answer).all(1).any()
    assert not torch.isclose(dark.place, first.place).all(1).any()


def test_learning_replays_what_was_done() -> None:
    """All steps at once give the answers and mean places that each step gave."""
    world = make_world()
    agent = make_agent(world)
    episode = record(world, agent)
    seen = episode.observation
    read, _ = agent.reading.unroll(agent.glimpse_network(seen["glimpse"], seen["location"]), None)
    torch.testing.assert_close(agent.classifier(read), episode.answer)
    hidden = agent._unroll_looking(read, seen)
    assert episode.action["look"].shape == (4, 24, 2)
    greedy = play(world, agent, torch.arange(12), torch.arange(12), greedy=True)
    read, _ = agent.reading.unroll(
        agent.glimpse_network(greedy.observation["glimpse"], greedy.observation["location"]), None
    )
    hidden = agent._unroll_looking(read, greedy.observation)
    torch.testing.assert_close(agent.locator(hidden, greedy.observation["time"])[0], greedy.action["look"])


def test_each_target_is_learned_at_its_last_glimpse() -> None:
    """The cross-entropy is that of the second and the fourth of four answers."""
    world = make_world()
    agent = make_agent(world)
    episode = record(world, agent)
    first, second = episode.label // 3, episode.label % 3
    expected = (F.cross_entropy(episode.answer[1], first) + F.cross_entropy(episode.answer[3], second)) / 2
    terms = agent.loss(episode).terms
    torch.testing.assert_close(terms["cross_entropy"], expected)
    right = (episode.answer[1].argmax(-1) == first) & (episode.answer[3].argmax(-1) == second)
    torch.testing.assert_close(terms["accuracy"], right.float().mean())
    torch.testing.assert_close(terms["return"], episode.reward.sum(0).mean())


@pytest.mark.parametrize("credit", ["reward", "probability"])
def test_a_place_is_credited_with_the_rewards_after_it(credit: str) -> None:
    """By hand, without a baseline: the first look with both, those at steps 2 and 3 with the second, the last never."""
    world = make_world()
    agent = make_agent(world, baseline="none", credit=credit)
    episode = record(world, agent)
    first, second = episode.label // 3, episode.label % 3
    if credit == "reward":
        one, two = episode.reward[1], episode.reward[3]
    else:
        chance = episode.answer.softmax(-1)
        one = chance[1].gather(1, first[:, None])[:, 0] / 2
        two = chance[3].gather(1, second[:, None])[:, 0] / 2
    seen = episode.observation
    read, _ = agent.reading.unroll(agent.glimpse_network(seen["glimpse"], seen["location"]), None)
    mean = agent.locator(agent._unroll_looking(read, seen), seen["time"])[0]
    log_prob = gaussian_log_prob(episode.action["look"], mean, 0.3)
    expected = -(log_prob[0] * (one + two) + log_prob[1] * two + log_prob[2] * two).mean()
    torch.testing.assert_close(agent.loss(episode).terms["policy"], expected.detach())


def test_which_loss_moves_what() -> None:
    """Classes: the lower half. Places: the upper half and the context; with `core` also what is below."""
    world = make_world()
    upper = {"context_network", "looking", "locator"}
    for into, lower in (("locator", set()), ("core", {"glimpse_network", "reading"})):
        agent = make_agent(world, baseline="none", policy_gradient=into)
        episode = record(world, agent)
        silent = replace(episode, reward=torch.zeros_like(episode.reward))
        assert moved(agent, agent.loss(silent).total) == {"glimpse_network", "reading", "classifier"}
        policy_alone = agent.loss(episode).total - agent.loss(silent).total
        assert moved(agent, policy_alone) == upper | lower
    learned = make_agent(world, baseline="learned", policy_weight=0.0)
    assert moved(learned, learned.loss(record(world, learned)).total) == {
        "glimpse_network",
        "reading",
        "classifier",
        "baseline",
    }


@pytest.mark.parametrize("baseline", ["none", "learned", "moving_average", "leave_one_out", "self_critical"])
def test_every_baseline_gives_a_finite_loss(baseline: str) -> None:
    """And the greedy copy is asked for where it is one."""
    world = make_world()
    agent = make_agent(world, baseline=baseline, credit="probability", sigma={"schedule": "learned"})
    assert agent.greedy_copy == (baseline == "self_critical")
    total, terms = agent.loss(record(world, agent))
    assert total.isfinite() and set(terms) == {"cross_entropy", "accuracy", "policy", "baseline", "return"}
    assert moved(agent, total) >= {"locator", "classifier"}


def test_greedy_means_the_mean_place() -> None:
    """For all episodes or some; otherwise the place is drawn around it."""
    world = make_world()
    agent = make_agent(world)
    seen = world.begin(torch.arange(4), torch.arange(4))
    decision, _ = agent(seen, agent.begin(seen))
    noise = torch.ones(4, 3)
    torch.testing.assert_close(agent.act(decision, noise, True)["look"], decision.place)
    torch.testing.assert_close(agent.act(decision, noise, False)["look"], decision.place + 0.3)
    some = agent.act(decision, noise, torch.tensor([True, False, False, True]))["look"]
    torch.testing.assert_close(some[1:3], decision.place[1:3] + 0.3)
    torch.testing.assert_close(some[::3], decision.place[::3])


def test_a_path_of_another_length_is_refused() -> None:
    """Three places follow the first of four."""
    with pytest.raises(ValueError, match="glimpses 2 to 4: expected 3, got 2"):
        make_agent(make_world(), first_path=[[0, 0], [0, 0]])


def test_it_learns_to_read_in_order() -> None:
    """Three shades of grey, one on each half; a glimpse on the left shows nothing of the right, and is where it begins.

    Untrained places stay on the left, and then two thirds of the pairs are wrong, whatever else is learned.
    """
    shades = torch.tensor([40, 120, 250], dtype=torch.uint8)[torch.arange(30) % 3]
    images = shades[:, None, None, None].expand(-1, 1, 4, 4).contiguous()
    data = ImageData(images, torch.arange(30) % 3, ("dark", "grey", "light"))
    task = {"size": 8, "context": 4, "glimpses": 2, "retina": {"patch": 2, "scales": 1}, "first_place": (-0.5, 0.0)}
    world = DigitPair(DigitPairOptions.model_validate({"name": "digit-pair", **task}), data)
    torch.manual_seed(0)
    options = {**SMALL, "feature_width": 32, "memory_width": 32, "first_path": [(-0.5, 0.0)] * 3}
    agent = make_dram(DramOptions.model_validate(options), world.observation_space, world.action_space)
    optimiser = torch.optim.Adam(agent.parameters(), lr=0.01)
    for step in range(150):
        key = mix(torch.tensor(step), torch.arange(64))
        loss = agent.loss(play(world, agent, world.draw_example(key), key))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    key = mix(torch.tensor(-1), torch.arange(300))
    episode = play(world, agent, world.draw_example(key), key, greedy=True)
    assert world.wrong(episode.belief, episode.label)[-1].float().mean() < 0.1
