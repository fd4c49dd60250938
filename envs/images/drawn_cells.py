"""Pictures of discs and rings on a mottled ground with their boxes, drawn from a seed: a data set without files."""

from functools import lru_cache
from typing import Literal

import numpy as np

from glimpse.envs.data.data_set import BoxedSet
from glimpse.envs.images.box_files import Box
from glimpse.envs.images.boxed_data import BoxedPictures

_SEED = 20240607
_OBJECTS = 6
_RADIUS = 4, 8
"""Smallest and largest radius, in pixels."""


@lru_cache(maxsize=3)
def draw_cells(known: BoxedSet, split: Literal["train", "validation", "test"]) -> BoxedPictures:
    """Draw the pictures of a split: six discs and rings in each, at least one of each kind, which may overlap.

    All callers share them, as those that are read from files.

    Args:
        known: Its entry in the registry.
        split: The split.
    """
    number = ("train", "validation", "test").index(split)
    # NumPy promises never to change what RandomState draws.
    random = np.random.RandomState(_SEED + number)
    height, width = known.size
    rows, columns = np.mgrid[:height, :width] + 0.5
    pictures, boxes = [], []
    for _ in range(known.parts[number]):
        picture = random.uniform(180, 240, (3, height, width))
        found: dict[str, list[Box]] = {name: [] for name in known.classes}
        for thing in range(_OBJECTS):
            radius = random.uniform(*_RADIUS)
            x, y = random.uniform(radius, width - radius), random.uniform(radius, height - radius)
            name = known.classes[thing if thing < 2 else random.randint(2)]
            distance = np.hypot(columns - x, rows - y)
            covered = (distance < radius) & ((distance > 0.55 * radius) | (name == known.classes[0]))
            picture[:, covered] = random.uniform(40, 140, (3, 1))
            found[name].append((x - radius, y - radius, x + radius, y + radius))
        pictures.append(picture.astype(np.uint8))
        boxes.append(found)
    return BoxedPictures.of_arrays(pictures, boxes)
