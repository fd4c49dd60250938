"""Controls: the same mind with other eyes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from glimpse.agents.options import (
    CentreOptions,
    Options,
    PathOptions,
    RamOptions,
    RandomOptions,
    RasterOptions,
)
from glimpse.agents.vision import controls
from glimpse.agents.vision.locators import raster
from glimpse.agents.vision.ram import RecurrentAttention, make_ram
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.options import ClassificationOptions
from glimpse.runs.rollout import play

SMALL: dict[str, Any] = {"glimpse_width": 7, "place_width": 5, "feature_width": 9, "memory_width": 8}
MAKERS: dict[str, tuple[Callable[..., RecurrentAttention], type[Options]]] = {
    "random": (controls.make_random, RandomOptions),
    "centre": (controls.make_centre, CentreOptions),
    "raster": (controls.make_raster, RasterOptions),
    "path": (controls.make_path, PathOptions),
}


def make_world(stop: bool = False, glimpses: int = 4) -> Classification:
    """Noise in four classes."""
    noise = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (40, 1, 9, 9), generator=noise, dtype=torch.uint8)
    task = {"name": "images", "retina": {"patch": 3}, "glimpses": glimpses, "stop": stop}
    data = ImageData(images, torch.arange(40) % 4, ("a", "b", "c", "d"))
    return Classification(ClassificationOptions.model_validate(task), data)


def make_control(name: str, world: Classification, **options: Any) -> RecurrentAttention:
    """A small one."""
    maker, kind = MAKERS[name]
    torch.manual_seed(0)
    return maker(kind.model_validate({**SMALL, **options}), world.observation_space, world.action_space)


def looks(name: str, greedy: bool = False, glimpses: int = 4, **options: Any) -> torch.Tensor:
    """(T, 40, 2) places chosen over all examples."""
    world = make_world(glimpses=glimpses)
    example = torch.arange(40)
    return play(world, make_control(name, world, **options), example, example, greedy=greedy).action["look"]


@pytest.mark.parametrize("name", MAKERS)
def test_a_control_differs_from_ram_in_its_locator_alone(name: str) -> None:
    """All other weights are there with the same shapes."""
    world = make_world()
    ram = make_ram(RamOptions.model_validate(SMALL), world.observation_space, world.action_space)
    control = make_control(name, world)
    shapes, own = (
        {key: tensor.shape for key, tensor in agent.state_dict().items() if not key.startswith("locator")}
        for agent in (ram, control)
    )
    assert own == shapes


@pytest.mark.parametrize("name", ["random", "centre", "raster"])
def test_controls_with_given_places_learn_to_classify_only(name: str) -> None:
    """Nothing of the locator is learned, and cross-entropy is the whole loss."""
    world = make_world()
    agent = make_control(name, world)
    assert not list(agent.locator.parameters())
    example = torch.arange(40)
    total, terms = agent.loss(play(world, agent, example, example))
    assert set(terms) == {"cross_entropy", "accuracy"} and total.item() == terms["cross_entropy"].item()


@pytest.mark.parametrize("greedy", [False, True])
def test_random_places_are_uniform_whatever_is_asked(greedy: bool) -> None:
    """A greedy random control would be the centre."""
    places = looks("random", greedy=greedy).flatten(0, 1)
    assert places.abs().max() < 1
    for quarter in (-0.5, 0.0, 0.5):
        assert ((places < quarter).float().mean(0) - (quarter + 1) / 2).abs().max() < 0.12
    assert len(places.unique(dim=0)) == 160


def test_the_centre_control_looks_at_the_centre() -> None:
    """Always."""
    assert looks("centre").count_nonzero() == 0


def test_the_raster_control_goes_on_along_the_grid() -> None:
    """After the first place, which the world gives, come the grid's other places."""
    expected = raster(6)[1:, None].expand(-1, 40, -1)
    torch.testing.assert_close(looks("raster", glimpses=6)[:-1], expected)


def test_a_path_is_the_same_for_all_images() -> None:
    """It begins where it is told, and is sampled around that unless greedy."""
    path = [[0.5, -0.5], [0.0, 0.25], [-0.75, 0.0]]
    greedy = looks("path", greedy=True, first_path=path)
    torch.testing.assert_close(greedy[:-1], torch.tensor(path)[:, None].expand(-1, 40, -1))
    sampled = looks("path", first_path=path, sigma={"start": 0.2})
    spread = (sampled - greedy).std()
    assert spread.item() == pytest.approx(0.2, rel=0.15)


@pytest.mark.parametrize("name", ["random", "centre", "raster"])
def test_controls_that_do_not_learn_to_stop_never_stop(name: str) -> None:
    """An untrained decision to stop would make them worse than their places are."""
    world = make_world(stop=True)
    episode = play(world, make_control(name, world), torch.arange(40), torch.arange(40))
    assert episode.taken.all() and episode.action["stop"].count_nonzero() == 0


def test_a_greedy_stop_does_not_depend_on_the_locator() -> None:
    """Evaluation exchanges an agent's locator; its decision to stop must stay greedy with it."""
    world = make_world(stop=True)
    agent = make_control("path", world)
    agent.locator = make_control("random", world).locator
    assert agent.stopper is not None
    torch.nn.init.zeros_(agent.stopper.decide.weight)
    torch.nn.init.constant_(agent.stopper.decide.bias, 0.1)
    episode = play(world, agent, torch.arange(40), torch.arange(40), greedy=True)
    assert episode.action["stop"].all()
