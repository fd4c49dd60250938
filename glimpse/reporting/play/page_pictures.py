"""Pictures of the page to play with: some of the run's test pictures, or scikit-learn's digits where there are none.

Axes: N pictures, C channels, h x w pixels of a picture of the data, H x W pixels as the agent sees it.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.image_data import ImageData, load_images
from glimpse.evaluation.replay import evenly
from glimpse.evaluation.scores import evaluation_keys
from glimpse.runs.kept_data import env_of_run
from glimpse.runs.trained_run import Say, TrainedRun

MOST = 40
"""Most pictures in a page."""
DIGITS = tuple("0123456789")


class PagePictures(NamedTuple):
    """Pictures with their right answers.

    pictures: (N, H, W) uint8.
    labels: N numbers of classes.
    source: where they are from, in words.
    side: longer side of what is drawn on such a picture, in pixels.
    """

    pictures: NDArray[np.uint8]
    labels: list[int]
    source: str
    side: int


def page_pictures(trained: TrainedRun, say: Say) -> PagePictures:
    """Return at most `MOST` pictures, spread evenly over the test split, on the canvas of the run's task.

    Nothing is downloaded: where the run's data are not here, and its classes are the ten digits, those of scikit-learn
    are scaled to the size of the run's pictures.

    Raises:
        DataError: if the data are not here, and are no digits.
    """
    experiment = trained.experiment
    offline = experiment.model_copy(update={"data": experiment.data.model_copy(update={"download": False})})
    try:
        env, source = (
            env_of_run(offline, trained.folder, "test", trained.env.device, say),
            "test pictures of the run's data",
        )
    except DataError:
        if tuple(trained.env.classes) != DIGITS:
            raise
        env, source = _digits_env(trained), "scikit-learn's digits, scaled to the size of the run's"
    chosen = torch.tensor(evenly(env.examples, MOST))
    env.reset(chosen, evaluation_keys(env, experiment.evaluate)[chosen])
    side = _drawn_side(env.shown_examples()[0][chosen])
    pictures = env.picture()[:, 0].cpu().numpy().astype(np.uint8)
    return PagePictures(pictures, env.label.tolist(), source, side)


def _digits_env(trained: TrainedRun) -> Classification:
    """Return the run's environment with scikit-learn's digits as its test pictures."""
    found, (_, height, width) = load_images("digits", "test"), trained.env.meaning().shape
    images = torch.stack([scaled_digit(image[0], height, width) for image in found.images]).unsqueeze(1)
    return Classification(trained.env.options, ImageData(images, found.labels, DIGITS), device=trained.env.device)


def scaled_digit(digit: Tensor, height: int, width: int) -> Tensor:
    """Scale a digit (h, w) uint8 as MNIST's are: five sevenths of the shorter side, its centre of mass in the middle.

    Returns:
        (H, W) uint8.
    """
    side = max(1, round(min(height, width) * 5 / 7))
    small = functional.interpolate(digit[None, None].float(), (side, side), mode="bicubic", align_corners=False)[0, 0]
    small = small.clamp(0, 255)  # Cubic interpolation goes beyond black and white.
    mass = small.sum().clamp(min=1)
    place = torch.arange(side, dtype=torch.float32) + 0.5
    centre = [float((small.sum(1 - axis) * place).sum() / mass) for axis in range(2)]
    corner = [
        min(max(round(whole / 2 - middle), 0), whole - side)
        for whole, middle in zip((height, width), centre, strict=True)
    ]
    picture = torch.zeros(height, width, dtype=torch.uint8)
    picture[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = small.round().byte()
    return picture


def _drawn_side(images: Tensor) -> int:
    """Return the median of the longer sides of the boxes around what is drawn on pictures, (N, 1, h, w) uint8."""
    bright = images[:, 0] > 64
    sides = [max(_extent(one.any(0)), _extent(one.any(1))) for one in bright]
    return max(1, int(np.median(sides)))


def _extent(occupied: Tensor) -> int:
    """Return the length from the first to the last true value, (L,) bool."""
    found = occupied.nonzero()
    return int(found[-1] - found[0]) + 1 if len(found) else 0
