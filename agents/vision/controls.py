"""Controls: the recurrent attention model with other eyes. What they reach is not owed to a learned look.

Each shares glimpse network, core, classifier and losses with RAM; the locator alone differs.
"""

from typing import cast

import torch
from gymnasium import spaces

from glimpse.agents.options import CentreOptions, PathOptions, RandomOptions, RasterOptions
from glimpse.agents.vision.locators import FixedLocator, PathLocator, RandomLocator, path_bias, raster
from glimpse.agents.vision.ram import RecurrentAttention


def _steps(observation_space: spaces.Dict) -> int:
    """Number of glimpses T."""
    return int(cast(spaces.Discrete, observation_space["time"]).n) - 1


def make_path(options: PathOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> RecurrentAttention:
    """One learned path, the same for every image."""
    bias = path_bias(options.first_path, _steps(observation_space))
    return RecurrentAttention(options, PathLocator(bias, options.sigma), observation_space, action_space)


def make_random(
    options: RandomOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> RecurrentAttention:
    """Uniformly random places."""
    return RecurrentAttention(options, RandomLocator(), observation_space, action_space)


def make_centre(
    options: CentreOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> RecurrentAttention:
    """Always the centre."""
    places = torch.zeros(_steps(observation_space), 2)
    return RecurrentAttention(options, FixedLocator(places), observation_space, action_space)


def make_raster(
    options: RasterOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> RecurrentAttention:
    """A fixed grid, row by row. The world gives the first place; the grid's other places follow it."""
    places = raster(_steps(observation_space)).roll(-1, 0)
    return RecurrentAttention(options, FixedLocator(places), observation_space, action_space)
