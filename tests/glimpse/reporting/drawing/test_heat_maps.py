"""Heat maps: locations and size of their densities."""

import numpy as np
import pytest
import torch

from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.image_data import ImageData
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.replay import Floats, Survey
from glimpse.reporting.drawing.heat_maps import heat_images, heat_maps, heat_sheet
from glimpse.runs.build import make_split_env

OPTIONS = EvaluateOptions()


@pytest.fixture(scope="module")
def env() -> VisualEnv:
    """Return an environment on digits of 8 x 8 pixels."""
    task = {"name": "digits", "glimpses": 3}
    experiment = Experiment.model_validate({"task": task, "agent": {"name": "ram"}, "train": {"steps": 1}})
    env: VisualEnv = make_split_env(experiment, "validation", torch.device("cpu"))
    return env


def survey_of(label: list[int], locations: list[list[tuple[float, float]]], glimpses: list[int]) -> Survey:
    """Return a survey of episodes with these locations, (E, T, 2)."""
    location = np.array(locations, np.float32).transpose(1, 0, 2)
    answer = np.zeros(location.shape[:2], np.int64)
    number = np.arange(len(label))
    confidence, wrong = np.ones(len(label), np.float32), answer != np.array(label)
    return Survey(number, np.array(label), np.array(glimpses), location, answer, confidence, wrong)


def test_densities_are_highest_at_the_locations_of_a_class(env: Classification) -> None:
    """The first glimpse does not count. A cell is a 48th of half the image; a glimpse inside has a sum of 1."""
    first = (0.8, 0.8)
    locations = [[first, (-0.5, -0.25), (-0.5, -0.25)], [first, (0.25, 0.5), (0.25, 0.5)]]
    everything, two, seven = heat_maps(survey_of([2, 7], locations, [3, 3]), env, OPTIONS, limit=5)
    assert [one.name for one in (everything, two, seven)] == ["all classes", "2", "7"]
    assert [one.episodes for one in (everything, two, seven)] == [2, 1, 1]
    assert _hottest(two.density) == pytest.approx((-0.5, -0.25), abs=1 / 48)
    assert _hottest(seven.density) == pytest.approx((0.25, 0.5), abs=1 / 48)
    assert [one.density.sum() for one in (everything, two, seven)] == pytest.approx([2, 2, 2], rel=1e-2)
    np.testing.assert_allclose(everything.density, (two.density + seven.density) / 2, atol=1e-6)


def test_a_stopped_episode_counts_its_own_glimpses(env: Classification) -> None:
    """Repetitions of the last location are not counted; an episode of one glimpse has a density of zero."""
    locations = [[(0.0, 0.0)] * 3, [(0.0, 0.0), (0.5, 0.5), (0.5, 0.5)]]
    _, one, two = heat_maps(survey_of([1, 2], locations, [1, 2]), env, OPTIONS, limit=5)
    assert one.density.sum() == 0
    assert two.density.sum() == pytest.approx(1, rel=1e-2)
    assert len(heat_images([one], 60)) == 1


def test_the_most_frequent_classes_are_shown_in_order(env: Classification) -> None:
    """With a limit of two classes, the two most frequent ones are shown."""
    labels = [5, 1, 1, 3, 5, 9]
    maps = heat_maps(survey_of(labels, [[(0.0, 0.0)] * 2] * 6, [2] * 6), env, OPTIONS, limit=2)
    assert [one.name for one in maps] == ["all classes", "1", "5"]


def test_images_are_bright_where_the_density_is_high(env: Classification) -> None:
    """Colours are warm at the location and dim grey elsewhere; all maps share one scale."""
    locations = [[(0.0, 0.0), (-0.5, -0.5)], [(0.0, 0.0), (0.5, 0.5)]]
    maps = heat_maps(survey_of([0, 0], locations, [2, 2]), env, OPTIONS, limit=1)
    for image in heat_images(maps, 80):
        pixels = np.asarray(image).astype(int)
        assert pixels[20, 20, 0] > pixels[20, 20, 2] + 40
        assert np.ptp(pixels[10, 70]) <= 3
    assert heat_sheet(maps, 80).width > 160


def test_a_density_is_round_on_any_image() -> None:
    """It is round in pixels, here of an image twice as wide as high."""
    images = ImageData(torch.zeros(1, 1, 20, 40, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64), ("a",))
    env = Classification(ClassificationOptions(name="images", glimpses=2), images)
    density = heat_maps(survey_of([0], [[(0.0, 0.0)] * 2], [2]), env, OPTIONS, limit=1)[0].density
    assert density.shape == (48, 96)
    spread = [_deviation(density.sum(axis)) for axis in (1, 0)]
    assert spread == pytest.approx([0.07 * 24, 0.07 * 24], rel=0.01)


def _deviation(weight: Floats) -> float:
    """Return the standard deviation of cell indices with these weights."""
    cells = np.arange(len(weight))
    mean = np.average(cells, weights=weight)
    return float(np.sqrt(np.average((cells - mean) ** 2, weights=weight)))


def _hottest(density: Floats) -> tuple[float, float]:
    """Return the location (x, y) of the cell with the highest density."""
    row, column = np.unravel_index(density.argmax(), density.shape)
    return (2 * column + 1) / density.shape[1] - 1, (2 * row + 1) / density.shape[0] - 1
