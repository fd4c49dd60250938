"""Heat maps: densities of the locations that an agent looked at, by class, over mean images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.replay import Floats, Survey, mean_picture
from glimpse.reporting.drawing.scanpaths import PALE, blend, picture_image, sheet

_HEAT = np.array([(64, 20, 110), (190, 40, 110), (250, 120, 50), (255, 235, 130)], np.float32)
_CELLS = 96
"""Longer side of a density's grid, in cells."""
_BLUR = 0.07
"""Standard deviation of the Gaussian blur, in units of half the image's shorter side."""
_PICTURES = 100
"""Number of examples that the mean image is taken over."""


@dataclass(frozen=True)
class HeatMap:
    """Density of locations in the episodes of one class.

    name: the class.
    episodes: number of episodes.
    density: (h, w), mean number of glimpses in each cell.
    picture: (H, W) in [0, 1], the mean image.
    """

    name: str
    episodes: int
    density: Floats
    picture: Floats


def heat_maps(found: Survey, env: VisualEnv, options: EvaluateOptions, limit: int) -> list[HeatMap]:
    """Return the heat map of all episodes, then that of each class or label.

    The first glimpse is left out, since the environment sets its location, unless there is no other.

    Args:
        found: the episodes.
        env: the environment that they were played on.
        options: options of the evaluation.
        limit: maximum number of classes; of more classes, the most frequent ones are chosen.
    """
    everything = np.ones(len(found.label), bool)
    if env.answers != 1:
        return [_heat_map("all episodes", everything, found, env, options)]
    several = found.label.ndim > 1
    of_class = found.label.T > 0 if several else found.label == np.arange(len(env.classes))[:, None]  # (N, E)
    counts = of_class.sum(1)
    commonest = np.sort(np.argsort(-counts, kind="stable")[:limit])
    groups = [("all episodes" if several else "all classes", everything)]
    groups += [(env.classes[number], of_class[number]) for number in commonest if counts[number]]
    return [_heat_map(name, chosen, found, env, options) for name, chosen in groups]


def heat_images(maps: Sequence[HeatMap], side: int) -> list[Image.Image]:
    """Draw the densities over the mean images, all on one scale, the longer side `side` pixels."""
    highest = max(float(one.density.max()) for one in maps) or 1.0
    return [_heat_image(one, highest, side) for one in maps]


def heat_sheet(maps: Sequence[HeatMap], side: int) -> Image.Image:
    """Draw all heat maps in one picture, with captions."""
    captions = [(f"{one.name} ({one.episodes:,})", PALE) for one in maps]
    return sheet(heat_images(maps, side), captions, columns=6)


def _heat_map(name: str, chosen: NDArray[np.bool_], found: Survey, env: VisualEnv, options: EvaluateOptions) -> HeatMap:
    """Return the heat map of the chosen (E,) episodes."""
    steps, every = found.location[:, chosen], found.glimpses[chosen]
    first = 1 if len(steps) > 1 else 0
    taken = np.arange(first, len(steps))[:, None] < every  # (T - 1, E), False after an episode's last glimpse
    height, width = env.retina.height, env.retina.width
    grid = round(_CELLS * height / max(height, width)), round(_CELLS * width / max(height, width))
    density = _density(steps[first:][taken], (max(1, grid[0]), max(1, grid[1])), width / height) / chosen.sum()
    examples = found.example[chosen]
    return HeatMap(name, int(chosen.sum()), density, mean_picture(env, examples[:_PICTURES], options))


def _density(location: Floats, grid: tuple[int, int], aspect: float) -> Floats:
    """Return the sum of Gaussians around (S, 2) locations on a grid (h, w).

    They are round on an image whose width is `aspect` times its height.
    """
    height, width = grid
    across = _gaussians(location[:, 0], width, _BLUR / max(1.0, aspect))
    down = _gaussians(location[:, 1], height, _BLUR * min(1.0, aspect))
    density: Floats = down.T @ across
    return density


def _gaussians(centre: Floats, cells: int, width: float) -> Floats:
    """Return Gaussians on a row of cells over [-1, 1]: (S,) centres -> (S, cells), each with a sum of about 1."""
    middle = (2 * np.arange(cells, dtype=np.float32) + 1) / cells - 1
    bumps: Floats = np.exp(-0.5 * ((middle - centre[:, None]) / width) ** 2)
    return bumps * np.float32(2 / (cells * width * np.sqrt(2 * np.pi)))


def _heat_image(one: HeatMap, highest: float, side: int) -> Image.Image:
    """Draw one density over its mean image, which is in dim grey."""
    below = picture_image(one.picture[None] * np.float32(0.6), side)
    density = Image.fromarray(one.density / np.float32(highest)).resize(below.size, Image.Resampling.BICUBIC)
    share = np.asarray(density, np.float32).clip(0, 1) ** np.float32(0.6)
    veil = np.float32(0.9) * share[..., None]
    mixed = np.asarray(below, np.float32) * (1 - veil) + blend(_HEAT, share) * veil
    return Image.fromarray(mixed.round().clip(0, 255).astype(np.uint8))
