"""Tests of the rollout: what it records, and that its episodes are independent."""

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.agents.episode import Episode
from glimpse.agents.recurrent_cores import RECURRENT_CORES
from glimpse.agents.vision.options import RamOptions
from glimpse.agents.vision.ram import RecurrentAttention, make_ram
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.runs.rollout import play

SMALL = {"glimpse_width": 7, "location_width": 5, "feature_width": 9, "memory_width": 8}
EXAMPLE, KEY = torch.arange(5), torch.tensor([3, -8, 2**40, 1, 0])
# A cluttered canvas and a stop action, so that an episode makes every kind of random draw.
TASK = {
    "name": "images",
    "canvas": {"kind": "cluttered", "size": 20, "distractor_size": 4},
    "retina": {"patch": 3, "scales": 2},
    "glimpses": 4,
    "stop": True,
    "glimpse_cost": 0.125,
}


def make_env(**task: Any) -> Classification:
    """Make an environment of noise images in four classes."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (12, 1, 9, 9), generator=noise, dtype=torch.uint8)
    data = ImageData(images, torch.arange(12) % 4, ("a", "b", "c", "d"))
    return Classification(ClassificationOptions.model_validate({**TASK, **task}), data)


def make_agent(env: Classification, **options: Any) -> RecurrentAttention:
    """Make a small RAM whose weights are large enough for its observations to matter."""
    torch.manual_seed(3)
    agent = make_ram(RamOptions.model_validate({**SMALL, **options}), env.observation_space, env.action_space)
    with torch.no_grad():
        for parameter in agent.parameters():
            parameter.mul_(2)
    return agent


def tensors(episode: Episode) -> dict[str, Tensor]:
    """Return all recorded tensors by name, each with the lanes on its first axis."""
    found: dict[str, Tensor] = {}
    for field in fields(episode):
        value = getattr(episode, field.name)
        parts = value.items() if isinstance(value, dict) else [("", value)] if field.name != "copies" else []
        for name, tensor in parts:
            found[f"{field.name} {name}"] = tensor if field.name in ("label", "ended") else tensor.transpose(0, 1)
    return found


@pytest.mark.parametrize("core", RECURRENT_CORES)
@pytest.mark.parametrize("copies", [1, 3])
def test_an_episode_does_not_depend_on_the_other_lanes(core: str, copies: int) -> None:
    """Five examples played together give the episodes of each played alone: no memory, picture or noise is shared."""
    env = make_env()
    agent = make_agent(env, recurrent_core=core)
    together = tensors(play(env, agent, EXAMPLE, KEY, copies=copies, record=True))
    for lane in range(5):
        alone = tensors(play(env, agent, EXAMPLE[lane : lane + 1], KEY[lane : lane + 1], copies=copies, record=True))
        own = slice(lane * copies, (lane + 1) * copies)
        # Equal up to rounding, which in a matrix product depends on the size.
        expected = {name: tensor[own] for name, tensor in together.items()}
        torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("core", RECURRENT_CORES)
def test_a_rollout_does_not_depend_on_the_one_before(core: str) -> None:
    """An environment and an agent repeat a rollout exactly, also after another rollout."""
    env = make_env()
    agent = make_agent(env, recurrent_core=core)
    first = tensors(play(env, agent, EXAMPLE, KEY))
    play(env, agent, EXAMPLE.flip(0), KEY + 77)
    again = tensors(play(env, agent, EXAMPLE, KEY))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_change_in_one_lane_leaves_the_others_equal() -> None:
    """Another example and key in lane 2 change that lane only."""
    env = make_env()
    agent = make_agent(env)
    before = tensors(play(env, agent, EXAMPLE, KEY))
    example, key, rest = EXAMPLE.clone(), KEY.clone(), torch.tensor([0, 1, 3, 4])
    example[2], key[2] = 9, 123
    after = tensors(play(env, agent, example, key))
    for name in before:
        assert torch.equal(before[name][rest], after[name][rest]), name
    assert not torch.equal(before["observation glimpse"][2], after["observation glimpse"][2])


def test_copies_share_the_picture_and_not_the_noise() -> None:
    """Copies of an example start at the same glimpse of the same picture and then look at different locations."""
    env = make_env(initial_location="centre", stop=False)
    agent = make_agent(env)
    episode = play(env, agent, EXAMPLE, KEY, copies=3)
    assert episode.copies == 3 and episode.label.tolist() == [lane // 3 % 4 for lane in range(15)]
    glimpse, look = (tensor.unflatten(1, (5, 3)) for tensor in (episode.observation["glimpse"], episode.action["look"]))
    assert torch.equal(glimpse[0, :, 0], glimpse[0, :, 1]) and torch.equal(glimpse[0, :, 0], glimpse[0, :, 2])
    assert len(look.flatten(0, 2).unique(dim=0)) == 4 * 15


def test_noise_is_standard_normal_and_never_repeats() -> None:
    """Over 1200 episodes, (location - mean) / sigma has mean 0 and variance 1, without correlation of steps or axes."""
    env = make_env(canvas={"kind": "plain"}, stop=False)
    agent = make_agent(env, sigma={"start": 0.25})
    with torch.no_grad():
        for parameter in agent.locator.parameters():
            parameter.zero_()  # The mean of the locations is now the centre.
    look = play(env, agent, torch.arange(12), torch.arange(12), copies=100).action["look"]
    noise = (look / 0.25).transpose(0, 1).flatten(1)  # (1200, 8)
    assert noise.mean(0).abs().max() < 0.1
    covariance = noise.T.cov() - torch.eye(8)
    assert covariance.abs().max() < 0.15


def test_greedy_may_differ_between_lanes() -> None:
    """With `greedy` for every second lane, each lane is as if all lanes had its setting."""
    env = make_env(initial_location="centre")
    agent = make_agent(env)
    greedy = torch.arange(10) % 2 == 0
    mixed = tensors(play(env, agent, EXAMPLE, KEY, copies=2, greedy=greedy))
    for every in (True, False):
        same = tensors(play(env, agent, EXAMPLE, KEY, copies=2, greedy=every))
        assert all(torch.equal(mixed[name][greedy == every], same[name][greedy == every]) for name in mixed)
    look, first = mixed["action look"][:, 0], mixed["observation glimpse"][:, 0]
    assert torch.equal(first[::2], first[1::2]) and not torch.isclose(look[::2], look[1::2]).any()


def test_the_record_matches_the_environment() -> None:
    """An action's effect is recorded with the next step; locations are recorded as chosen, before clamping."""
    env = make_env(stop=False)
    agent = make_agent(env, sigma={"start": 1.0})
    episode = play(env, agent, EXAMPLE, KEY)
    location, look = episode.observation["location"], episode.action["look"]
    assert torch.equal(location[1:], look[:-1].clamp(-1, 1)) and look.abs().max() > 1
    assert episode.observation["time"].tolist() == [[step] * 5 for step in range(4)]
    assert torch.equal(episode.action["answer"], episode.answer.argmax(-1))
    right = (episode.action["answer"][-1] == EXAMPLE % 4).float()
    expected = torch.full((4, 5), -0.125)
    expected[-1] += right
    assert torch.equal(episode.reward, expected) and episode.step_mask.all()
    assert not episode.activations


def test_steps_after_a_stop_are_masked() -> None:
    """After the first `stop`, the remaining steps are masked and have no reward."""
    env = make_env()
    episode = play(env, make_agent(env), EXAMPLE, KEY, copies=4)
    lengths = set()
    for lane in range(20):
        stops = episode.action["stop"][:, lane].tolist()
        length = stops.index(1) + 1 if 1 in stops else 4
        assert episode.step_mask[:, lane].tolist() == [step < length for step in range(4)]
        assert episode.reward[length:, lane].count_nonzero() == 0
        assert episode.reward[: length - 1, lane].tolist() == [-0.125] * (length - 1)
        lengths.add(length)
    assert len(lengths) > 2
