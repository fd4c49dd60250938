"""Controls: the recurrent attention model with locations that are not learned from what is seen.

Each has the glimpse network, recurrent core, classifier and losses of RAM; only the locator differs. The accuracy that
a control reaches does not come from learned locations.
"""

from typing import cast

import torch
from gymnasium import spaces

from glimpse.agents.vision.locators import FixedLocator, PathLocator, RandomLocator, path_bias, raster
from glimpse.agents.vision.options import CentreOptions, PathOptions, RandomOptions, RasterOptions
from glimpse.agents.vision.ram import RecurrentAttention


def _steps(observation_space: spaces.Dict) -> int:
    """Return the number of glimpses T."""
    return int(cast(spaces.Discrete, observation_space["time"]).n) - 1


def make_path(options: PathOptions, observation_space: spaces.Dict, action_space: spaces.Dict) -> RecurrentAttention:
    """Make the control with one learned path, the same for every image."""
    bias = path_bias(options.initial_path, _steps(observation_space))
    return RecurrentAttention(options, PathLocator(bias, options.sigma), observation_space, action_space)


def make_random(
    options: RandomOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> RecurrentAttention:
    """Make the control with uniformly random locations."""
    return RecurrentAttention(options, RandomLocator(), observation_space, action_space)


def make_centre(
    options: CentreOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> RecurrentAttention:
    """Make the control that always looks at the centre."""
    locations = torch.zeros(_steps(observation_space), 2)
    return RecurrentAttention(options, FixedLocator(locations), observation_space, action_space)


def make_raster(
    options: RasterOptions, observation_space: spaces.Dict, action_space: spaces.Dict
) -> RecurrentAttention:
    """Make the control that looks at a fixed grid, row by row.

    The first location is the environment's, which is the grid's first with `initial_location: raster`; the agent
    continues with the second location of the grid.
    """
    locations = raster(_steps(observation_space)).roll(-1, 0)
    return RecurrentAttention(options, FixedLocator(locations), observation_space, action_space)
