"""Heat maps: where they are hot, and how hot."""

import numpy as np
import pytest
import torch

from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.lanes import VisualCore
from glimpse.envs.options import ClassificationOptions
from glimpse.evaluation.replay import Floats, Survey
from glimpse.reporting.drawing.heat_maps import heat_images, heat_maps, heat_sheet
from glimpse.runs.build import make_world

OPTIONS = EvaluateOptions()


@pytest.fixture(scope="module")
def world() -> VisualCore:
    """Digits, 8 x 8."""
    task = {"name": "digits", "glimpses": 3}
    experiment = Experiment.model_validate({"task": task, "agent": {"name": "ram"}, "train": {"steps": 1}})
    return make_world(experiment, "validation", torch.device("cpu"))


def looked(label: list[int], places: list[list[tuple[float, float]]], glimpses: list[int]) -> Survey:
    """A survey of episodes with these places, (E, T, 2)."""
    place = np.array(places, np.float32).transpose(1, 0, 2)
    answer = np.zeros(place.shape[:2], np.int64)
    number = np.arange(len(label))
    confidence, wrong = np.ones(len(label), np.float32), answer != np.array(label)
    return Survey(number, np.array(label), np.array(glimpses), place, answer, confidence, wrong)


def test_each_class_is_hot_where_its_glimpses_fell(world: Classification) -> None:
    """The first glimpse does not count. Cells are a 48th of half the image; a glimpse inside it adds up to 1."""
    first = (0.8, 0.8)
    places = [[first, (-0.5, -0.25), (-0.5, -0.25)], [first, (0.25, 0.5), (0.25, 0.5)]]
    everything, two, seven = heat_maps(looked([2, 7], places, [3, 3]), world, OPTIONS, limit=5)
    assert [one.name for one in (everything, two, seven)] == ["all classes", "2", "7"]
    assert [one.episodes for one in (everything, two, seven)] == [2, 1, 1]
    assert _hottest(two.density) == pytest.approx((-0.5, -0.25), abs=1 / 48)
    assert _hottest(seven.density) == pytest.approx((0.25, 0.5), abs=1 / 48)
    assert [one.density.sum() for one in (everything, two, seven)] == pytest.approx([2, 2, 2], rel=1e-2)
    np.testing.assert_allclose(everything.density, (two.density + seven.density) / 2, atol=1e-6)


def test_an_episode_that_stopped_counts_only_what_it_saw(world: Classification) -> None:
    """A survey repeats the last place; after one glimpse the policy has placed nothing, and the map is cold."""
    places = [[(0.0, 0.0)] * 3, [(0.0, 0.0), (0.5, 0.5), (0.5, 0.5)]]
    _, one, two = heat_maps(looked([1, 2], places, [1, 2]), world, OPTIONS, limit=5)
    assert one.density.sum() == 0
    assert two.density.sum() == pytest.approx(1, rel=1e-2)
    assert len(heat_images([one], 60)) == 1


def test_the_commonest_classes_are_shown_in_their_order(world: Classification) -> None:
    """With a limit of two."""
    labels = [5, 1, 1, 3, 5, 9]
    maps = heat_maps(looked(labels, [[(0.0, 0.0)] * 2] * 6, [2] * 6), world, OPTIONS, limit=2)
    assert [one.name for one in maps] == ["all classes", "1", "5"]


def test_images_are_bright_where_it_is_hot(world: Classification) -> None:
    """Warm colours at the place, the dim grey mean image elsewhere; one scale for all."""
    places = [[(0.0, 0.0), (-0.5, -0.5)], [(0.0, 0.0), (0.5, 0.5)]]
    maps = heat_maps(looked([0, 0], places, [2, 2]), world, OPTIONS, limit=1)
    for image in heat_images(maps, 80):
        pixels = np.asarray(image).astype(int)
        assert pixels[20, 20, 0] > pixels[20, 20, 2] + 40
        assert np.ptp(pixels[10, 70]) <= 3
    assert heat_sheet(maps, 80).width > 160


def test_a_hot_spot_is_round_on_any_image() -> None:
    """In pixels of an image twice as wide as high."""
    images = ImageData(torch.zeros(1, 1, 20, 40, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64), ("a",))
    world = Classification(ClassificationOptions(name="images", glimpses=2), images)
    density = heat_maps(looked([0], [[(0.0, 0.0)] * 2], [2]), world, OPTIONS, limit=1)[0].density
    assert density.shape == (48, 96)
    spread = [_deviation(density.sum(axis)) for axis in (1, 0)]
    assert spread == pytest.approx([0.07 * 24, 0.07 * 24], rel=0.01)


def _deviation(weight: Floats) -> float:
    """Standard deviation of the cell numbers with these weights."""
    cells = np.arange(len(weight))
    mean = np.average(cells, weights=weight)
    return float(np.sqrt(np.average((cells - mean) ** 2, weights=weight)))


def _hottest(density: Floats) -> tuple[float, float]:
    """The place (x, y) of the hottest cell."""
    row, column = np.unravel_index(density.argmax(), density.shape)
    return (2 * column + 1) / density.shape[1] - 1, (2 * row + 1) / density.shape[0] - 1
