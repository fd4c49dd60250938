"""Where the gaze falls by class: densities of places over mean images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glimpse.config.experiment import EvaluateOptions
from glimpse.envs.lanes import VisualCore
from glimpse.evaluation.replay import Floats, Survey, mean_picture
from glimpse.reporting.drawing.scanpaths import PALE, blend, picture_image, sheet

_HEAT = np.array([(64, 20, 110), (190, 40, 110), (250, 120, 50), (255, 235, 130)], np.float32)
_CELLS = 96
"""Longer side of a density's grid."""
_BLUR = 0.07
"""Standard deviation of the blur, in units of half the image's shorter side."""
_PICTURES = 100
"""Examples whose mean image lies below a density."""


@dataclass(frozen=True)
class HeatMap:
    """Where the gaze fell in the episodes of one class.

    name: the class.
    episodes: how many there were.
    density: (h, w), mean number of glimpses that fell in each cell.
    picture: (H, W) in [0, 1], the mean image.
    """

    name: str
    episodes: int
    density: Floats
    picture: Floats


def heat_maps(found: Survey, world: VisualCore, options: EvaluateOptions, limit: int) -> list[HeatMap]:
    """All episodes together, then each class alone; with more than `limit` classes the commonest of them.

    The first glimpse is left out, since the task places it, unless there is no other.
    """
    everything = np.ones(len(found.label), bool)
    if world.answers != 1:
        return [_heat_map("all episodes", everything, found, world, options)]
    counts = np.bincount(found.label, minlength=len(world.classes))
    commonest = np.sort(np.argsort(-counts, kind="stable")[:limit])
    groups = [("all classes", everything)]
    groups += [(world.classes[number], found.label == number) for number in commonest if counts[number]]
    return [_heat_map(name, chosen, found, world, options) for name, chosen in groups]


def heat_images(maps: Sequence[HeatMap], side: int) -> list[Image.Image]:
    """The densities over the mean images, all on one scale, the longer side `side` pixels."""
    highest = max(float(one.density.max()) for one in maps) or 1.0
    return [_heat_image(one, highest, side) for one in maps]


def heat_sheet(maps: Sequence[HeatMap], side: int) -> Image.Image:
    """All of them in one picture."""
    captions = [(f"{one.name} ({one.episodes:,})", PALE) for one in maps]
    return sheet(heat_images(maps, side), captions, columns=6)


def _heat_map(
    name: str, chosen: NDArray[np.bool_], found: Survey, world: VisualCore, options: EvaluateOptions
) -> HeatMap:
    """The map of the chosen (E,) episodes."""
    steps, every = found.place[:, chosen], found.glimpses[chosen]
    first = 1 if len(steps) > 1 else 0
    looked = np.arange(first, len(steps))[:, None] < every  # (T - 1, E): a glimpse, not a repetition of the last
    height, width = world.retina.height, world.retina.width
    grid = round(_CELLS * height / max(height, width)), round(_CELLS * width / max(height, width))
    density = _density(steps[first:][looked], (max(1, grid[0]), max(1, grid[1])), width / height) / chosen.sum()
    examples = found.example[chosen]
    return HeatMap(name, int(chosen.sum()), density, mean_picture(world, examples[:_PICTURES], options))


def _density(place: Floats, grid: tuple[int, int], aspect: float) -> Floats:
    """Sum of Gaussians around (S, 2) places, (h, w), round on an image `aspect` times as wide as high."""
    height, width = grid
    across = _bumps(place[:, 0], width, _BLUR / max(1.0, aspect))
    down = _bumps(place[:, 1], height, _BLUR * min(1.0, aspect))
    density: Floats = down.T @ across
    return density


def _bumps(centre: Floats, cells: int, width: float) -> Floats:
    """Gaussians on a row of cells over [-1, 1]: (S,) centres -> (S, cells), each summing to about 1."""
    middle = (2 * np.arange(cells, dtype=np.float32) + 1) / cells - 1
    bumps: Floats = np.exp(-0.5 * ((middle - centre[:, None]) / width) ** 2)
    return bumps * np.float32(2 / (cells * width * np.sqrt(2 * np.pi)))


def _heat_image(one: HeatMap, highest: float, side: int) -> Image.Image:
    """Heat where the gaze fell; elsewhere the mean image in dim grey."""
    below = picture_image(one.picture[None] * np.float32(0.6), side)
    density = Image.fromarray(one.density / np.float32(highest)).resize(below.size, Image.Resampling.BICUBIC)
    share = np.asarray(density, np.float32).clip(0, 1) ** np.float32(0.6)
    veil = np.float32(0.9) * share[..., None]
    mixed = np.asarray(below, np.float32) * (1 - veil) + blend(_HEAT, share) * veil
    return Image.fromarray(mixed.round().clip(0, 255).astype(np.uint8))
