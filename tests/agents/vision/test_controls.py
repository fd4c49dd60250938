"""Controls: RAM's networks with control locators."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from glimpse.agents.options import Options
from glimpse.agents.vision import controls
from glimpse.agents.vision.locators import raster
from glimpse.agents.vision.options import (
    CentreOptions,
    PathOptions,
    PlayerOptions,
    RamOptions,
    RandomOptions,
    RasterOptions,
)
from glimpse.agents.vision.player import make_player
from glimpse.agents.vision.ram import RecurrentAttention, make_ram
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.envs.images.catch import Catch
from glimpse.envs.images.catch_options import CatchOptions
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.initial_location import InitialLocation, first_cell
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {"glimpse_width": 7, "location_width": 5, "feature_width": 9, "memory_width": 8}
MAKERS: dict[str, tuple[Callable[..., RecurrentAttention], type[Options]]] = {
    "random": (controls.make_random, RandomOptions),
    "centre": (controls.make_centre, CentreOptions),
    "raster": (controls.make_raster, RasterOptions),
    "path": (controls.make_path, PathOptions),
}


def make_env(stop: bool = False, glimpses: int = 4, **task_options: Any) -> Classification:
    """Make an environment of noise images in four classes."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (40, 1, 9, 9), generator=noise, dtype=torch.uint8)
    task = {"name": "images", "retina": {"patch": 3}, "glimpses": glimpses, "stop": stop, **task_options}
    data = ImageData(images, torch.arange(40) % 4, ("a", "b", "c", "d"))
    return Classification(ClassificationOptions.model_validate(task), data)


def make_control(name: str, env: Classification, **options: Any) -> RecurrentAttention:
    """Make a small control."""
    maker, kind = MAKERS[name]
    torch.manual_seed(0)
    return maker(kind.model_validate({**SMALL, **options}), env.observation_space, env.action_space)


def recorded_locations(name: str, greedy: bool = False, glimpses: int = 4, **options: Any) -> torch.Tensor:
    """Return the locations (T, 40, 2) chosen on all examples."""
    env = make_env(glimpses=glimpses)
    example = torch.arange(40)
    return play(env, make_control(name, env, **options), example, example, greedy=greedy).action["look"]


@pytest.mark.parametrize("name", MAKERS)
def test_a_control_differs_from_ram_in_its_locator_only(name: str) -> None:
    """All other weights have the same names and shapes."""
    env = make_env()
    ram = make_ram(RamOptions.model_validate(SMALL), env.observation_space, env.action_space)
    control = make_control(name, env)
    shapes, own = (
        {key: tensor.shape for key, tensor in agent.state_dict().items() if not key.startswith("locator")}
        for agent in (ram, control)
    )
    assert own == shapes


@pytest.mark.parametrize("name", ["random", "centre", "raster"])
def test_controls_with_given_locations_learn_to_classify_only(name: str) -> None:
    """The locator has no parameters, and the cross-entropy is the whole loss."""
    env = make_env()
    agent = make_control(name, env)
    assert not list(agent.locator.parameters())
    example = torch.arange(40)
    total, terms = agent.loss(play(env, agent, example, example))
    assert set(terms) == {"cross_entropy", "accuracy"} and total.item() == terms["cross_entropy"].item()


@pytest.mark.parametrize("greedy", [False, True])
def test_random_locations_are_uniform_even_if_greedy(greedy: bool) -> None:
    """The mean of the distribution would be the centre control."""
    locations = recorded_locations("random", greedy=greedy).flatten(0, 1)
    assert locations.abs().max() < 1
    for quarter in (-0.5, 0.0, 0.5):
        assert ((locations < quarter).float().mean(0) - (quarter + 1) / 2).abs().max() < 0.12
    assert len(locations.unique(dim=0)) == 160


def test_the_centre_control_looks_at_the_centre() -> None:
    """All its locations are (0, 0)."""
    assert recorded_locations("centre").count_nonzero() == 0


def test_the_raster_control_follows_the_grid() -> None:
    """After the environment's initial location come the grid's second to last locations."""
    expected = raster(6)[1:, None].expand(-1, 40, -1)
    torch.testing.assert_close(recorded_locations("raster", glimpses=6)[:-1], expected)


def test_a_path_is_the_same_for_all_images() -> None:
    """The untrained path is the initial path; without greedy, locations are sampled around it."""
    path = [[0.5, -0.5], [0.0, 0.25], [-0.75, 0.0]]
    greedy = recorded_locations("path", greedy=True, initial_path=path)
    torch.testing.assert_close(greedy[:-1], torch.tensor(path)[:, None].expand(-1, 40, -1))
    sampled = recorded_locations("path", initial_path=path, sigma={"start": 0.2})
    spread = (sampled - greedy).std()
    assert spread.item() == pytest.approx(0.2, rel=0.15)


@pytest.mark.parametrize("name", ["random", "centre", "raster"])
def test_controls_that_do_not_learn_to_stop_never_stop(name: str) -> None:
    """An untrained stop policy would make them worse than their locations are."""
    env = make_env(stop=True)
    episode = play(env, make_control(name, env), torch.arange(40), torch.arange(40))
    assert episode.step_mask.all() and episode.action["stop"].count_nonzero() == 0


def test_a_greedy_stop_does_not_depend_on_the_locator() -> None:
    """Evaluation replaces an agent's locator by controls; the decision to stop stays greedy."""
    env = make_env(stop=True)
    agent = make_control("path", env)
    agent.locator = make_control("random", env).locator
    assert agent.stop_policy is not None
    torch.nn.init.zeros_(agent.stop_policy.decide.weight)
    torch.nn.init.constant_(agent.stop_policy.decide.bias, 0.1)
    episode = play(env, agent, torch.arange(40), torch.arange(40), greedy=True)
    assert episode.action["stop"].all()


@pytest.mark.parametrize("into", ["locator", "core"])
def test_a_greedy_rollout_does_not_reinforce_stopping(into: str) -> None:
    """With the self-critical baseline the policy loss of stops is that of the sampled rollouts alone."""
    env = make_env(stop=True)
    torch.manual_seed(1)
    options = RamOptions.model_validate({**SMALL, "baseline": "self_critical", "policy_gradient_into": into})
    agent = make_ram(options, env.observation_space, env.action_space)
    greedy = torch.arange(24) % 3 == 0
    episode = play(env, agent, torch.arange(8), torch.arange(8), copies=3, greedy=greedy)
    hidden = agent.core.unroll(
        agent.glimpse_network(episode.observation["glimpse"], episode.observation["location"], None).feature, None
    )[0]
    assert agent.stop_policy is not None
    stop, returns = agent.stop_policy(hidden[:-1]), episode.reward.flip(0).cumsum(0).flip(0)
    loss = agent._stop_loss(stop, hidden.detach(), returns, episode)
    # By hand: -mean over sampled rollouts of sum over steps of log p(stop or go on) (return - reward of the answer).
    right = (agent.classifier(hidden[:-1]).argmax(-1) == episode.label).float()
    taken = torch.where(episode.action["stop"][:-1] == 1, stop, -stop).sigmoid().log()
    each = (taken * (returns[:-1] - right) * episode.step_mask[:-1]).sum(0)
    assert loss.item() == pytest.approx(-each[~greedy].mean().item(), abs=1e-5)
    assert loss.item() != pytest.approx(-each.mean().item(), abs=1e-5)


def test_shipped_raster_scans_begin_in_the_first_cell() -> None:
    """They say so by name, not by numbers, so that it also holds for another number of glimpses."""
    texts = {name: file.read_text() for name, file in shipped_configs().items()}
    scans = [name for name, text in texts.items() if re.search(r"(name|locator): raster\b", text)]
    assert len(scans) >= 5
    for name in scans:
        assert load_experiment(name).task.model_dump()["initial_location"] == "raster"


@pytest.mark.parametrize("glimpses", [1, 4, 6, 7])
def test_a_raster_scan_visits_every_cell_of_its_grid(glimpses: int) -> None:
    """The environment begins in the first cell, and the agent looks at the others."""
    env = make_env(glimpses=glimpses, initial_location="raster")
    seen = play(env, make_control("raster", env), torch.arange(2), torch.arange(2)).observation["location"]
    torch.testing.assert_close(seen[:glimpses], raster(glimpses)[:, None].expand(-1, 2, 2))


def test_a_raster_scan_of_catch_visits_every_cell_of_its_grid() -> None:
    """So does the player's, in an episode of the full length."""
    env = Catch(CatchOptions(name="catch", screen=8, start_rows=1, initial_location="raster"), "train")
    player = make_player(PlayerOptions(locator="raster"), env.observation_space, env.action_space)
    seen = play(env, player, torch.arange(2), torch.arange(2)).observation["location"]
    torch.testing.assert_close(seen[:7], raster(7)[:, None].expand(-1, 2, 2))


@pytest.mark.parametrize("glimpses", range(1, 40))
def test_environments_begin_in_the_first_cell_of_the_agents_grid(glimpses: int) -> None:
    """Environments and agents, which do not import each other, agree on it."""
    assert first_cell(glimpses) == pytest.approx(raster(glimpses)[0].tolist())


def test_a_raster_without_a_number_of_glimpses_is_refused() -> None:
    """An environment of another package that forgets the number is told so."""
    with pytest.raises(ValueError, match="needs the number of glimpses"):
        InitialLocation("raster")
    assert InitialLocation("centre").draw(torch.arange(2), 0).tolist() == [[0.0, 0.0]] * 2
