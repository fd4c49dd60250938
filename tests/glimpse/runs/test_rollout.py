"""The rollout: what is recorded, and that episodes know nothing of each other."""

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.options import RamOptions
from glimpse.agents.vision.ram import RecurrentAttention, make_ram
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.options import ClassificationOptions
from glimpse.runs.rollout import play

SMALL = {"glimpse_width": 7, "place_width": 5, "feature_width": 9, "memory_width": 8}
EXAMPLE, KEY = torch.arange(5), torch.tensor([3, -8, 2**40, 1, 0])
# Cluttered, with a stop action: all that an episode can draw is drawn.
TASK = {
    "name": "images",
    "canvas": {"kind": "cluttered", "size": 20, "piece": 4},
    "retina": {"patch": 3, "scales": 2},
    "glimpses": 4,
    "stop": True,
    "glimpse_cost": 0.125,
}


def make_world(**task: Any) -> Classification:
    """Noise in four classes."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (12, 1, 9, 9), generator=noise, dtype=torch.uint8)
    data = ImageData(images, torch.arange(12) % 4, ("a", "b", "c", "d"))
    return Classification(ClassificationOptions.model_validate({**TASK, **task}), data)


def make_agent(world: Classification, **options: Any) -> RecurrentAttention:
    """A small RAM whose weights are large enough for what it sees to matter."""
    torch.manual_seed(3)
    agent = make_ram(RamOptions.model_validate({**SMALL, **options}), world.observation_space, world.action_space)
    with torch.no_grad():
        for parameter in agent.parameters():
            parameter.mul_(2)
    return agent


def tensors(episode: Episode) -> dict[str, Tensor]:
    """All that was recorded, each with the episodes on its first axis."""
    found: dict[str, Tensor] = {}
    for field in fields(episode):
        value = getattr(episode, field.name)
        parts = value.items() if isinstance(value, dict) else [("", value)] if field.name != "copies" else []
        for name, tensor in parts:
            found[f"{field.name} {name}"] = tensor if field.name == "label" else tensor.transpose(0, 1)
    return found


@pytest.mark.parametrize("core", ["rnn", "lstm"])
@pytest.mark.parametrize("copies", [1, 3])
def test_an_episode_does_not_depend_on_those_beside_it(core: str, copies: int) -> None:
    """Five examples together are each of them alone: no memory, picture or noise is shared."""
    world = make_world()
    agent = make_agent(world, core=core)
    together = tensors(play(world, agent, EXAMPLE, KEY, copies=copies, record=True))
    for lane in range(5):
        alone = tensors(play(world, agent, EXAMPLE[lane : lane + 1], KEY[lane : lane + 1], copies=copies, record=True))
        own = slice(lane * copies, (lane + 1) * copies)
        # Up to rounding, which in a product of matrices depends on their size.
        expected = {name: tensor[own] for name, tensor in together.items()}
        torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_a_rollout_does_not_depend_on_the_one_before(core: str) -> None:
    """The same world and agent begin anew each time."""
    world = make_world()
    agent = make_agent(world, core=core)
    first = tensors(play(world, agent, EXAMPLE, KEY))
    play(world, agent, EXAMPLE.flip(0), KEY + 77)
    again = tensors(play(world, agent, EXAMPLE, KEY))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_another_episode_may_change_without_a_trace() -> None:
    """Shown another example with another key, lane 2 differs and the others are the same."""
    world = make_world()
    agent = make_agent(world)
    before = tensors(play(world, agent, EXAMPLE, KEY))
    example, key, rest = EXAMPLE.clone(), KEY.clone(), torch.tensor([0, 1, 3, 4])
    example[2], key[2] = 9, 123
    after = tensors(play(world, agent, example, key))
    for name in before:
        assert torch.equal(before[name][rest], after[name][rest]), name
    assert not torch.equal(before["observation glimpse"][2], after["observation glimpse"][2])


def test_copies_share_the_picture_and_not_the_noise() -> None:
    """From the same first place over the same picture they go different ways."""
    world = make_world(first_place="centre", stop=False)
    agent = make_agent(world)
    episode = play(world, agent, EXAMPLE, KEY, copies=3)
    assert episode.copies == 3 and episode.label.tolist() == [lane // 3 % 4 for lane in range(15)]
    glimpse, look = (tensor.unflatten(1, (5, 3)) for tensor in (episode.observation["glimpse"], episode.action["look"]))
    assert torch.equal(glimpse[0, :, 0], glimpse[0, :, 1]) and torch.equal(glimpse[0, :, 0], glimpse[0, :, 2])
    assert len(look.flatten(0, 2).unique(dim=0)) == 4 * 15


def test_noise_is_standard_normal_and_never_repeats() -> None:
    """(place - mean) / sigma over 1200 episodes: mean 0, variance 1, no correlation between steps or axes."""
    world = make_world(canvas={"kind": "plain"}, stop=False)
    agent = make_agent(world, sigma={"start": 0.25})
    with torch.no_grad():
        for parameter in agent.locator.parameters():
            parameter.zero_()  # its mean is the centre
    look = play(world, agent, torch.arange(12), torch.arange(12), copies=100).action["look"]
    noise = (look / 0.25).transpose(0, 1).flatten(1)  # (1200, 8)
    assert noise.mean(0).abs().max() < 0.1
    covariance = noise.T.cov() - torch.eye(8)
    assert covariance.abs().max() < 0.15


def test_greedy_may_differ_between_lanes() -> None:
    """The first copy of each example is as if all were greedy, the second as if none were."""
    world = make_world(first_place="centre")
    agent = make_agent(world)
    greedy = torch.arange(10) % 2 == 0
    mixed = tensors(play(world, agent, EXAMPLE, KEY, copies=2, greedy=greedy))
    for every in (True, False):
        same = tensors(play(world, agent, EXAMPLE, KEY, copies=2, greedy=every))
        assert all(torch.equal(mixed[name][greedy == every], same[name][greedy == every]) for name in mixed)
    look, first = mixed["action look"][:, 0], mixed["observation glimpse"][:, 0]
    assert torch.equal(first[::2], first[1::2]) and not torch.isclose(look[::2], look[1::2]).any()


def test_what_is_recorded_is_what_happened() -> None:
    """What an action leads to comes with the next step. The world clamps places, the record does not."""
    world = make_world(stop=False)
    agent = make_agent(world, sigma={"start": 1.0})
    episode = play(world, agent, EXAMPLE, KEY)
    location, look = episode.observation["location"], episode.action["look"]
    assert torch.equal(location[1:], look[:-1].clamp(-1, 1)) and look.abs().max() > 1
    assert episode.observation["time"].tolist() == [[step] * 5 for step in range(4)]
    assert torch.equal(episode.action["answer"], episode.answer.argmax(-1))
    right = (episode.action["answer"][-1] == EXAMPLE % 4).float()
    expected = torch.full((4, 5), -0.125)
    expected[-1] += right
    assert torch.equal(episode.reward, expected) and episode.taken.all()
    assert not episode.activations


def test_steps_after_a_stop_are_not_taken() -> None:
    """From the step after the first `stop` on, nothing is taken and nothing is rewarded."""
    world = make_world()
    episode = play(world, make_agent(world), EXAMPLE, KEY, copies=4)
    lengths = set()
    for lane in range(20):
        stops = episode.action["stop"][:, lane].tolist()
        length = stops.index(1) + 1 if 1 in stops else 4
        assert episode.taken[:, lane].tolist() == [step < length for step in range(4)]
        assert episode.reward[length:, lane].count_nonzero() == 0
        assert episode.reward[: length - 1, lane].tolist() == [-0.125] * (length - 1)
        lengths.add(length)
    assert len(lengths) > 2
