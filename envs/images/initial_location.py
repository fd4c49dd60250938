"""Location of the first glimpse of an episode."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.lane_random import mix, mix_of_one, normal, uniform, uniform_of_one

_INITIAL_LOCATION = 21


def first_cell(glimpses: int) -> tuple[float, float]:
    """Return the centre (x, y) of the first cell of a grid of T cells, as the raster scan of `agents` has it.

    The grid has about as many rows as columns; where T is not divisible by the rows, the first ones have a cell more.
    """
    rows = max(1, round(glimpses**0.5))
    columns = -(-glimpses // rows)
    return 1 / columns - 1, 1 / rows - 1


class InitialLocation:
    """Distribution of initial locations: uniform over the picture, or one location with or without noise.

    start: (2,), the location; None where it is uniform.
    std: standard deviation around it.
    """

    def __init__(
        self,
        location: Literal["random", "centre", "raster"] | tuple[float, float],
        std: float = 0.0,
        *,
        glimpses: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Set the distribution.

        Args:
            location: the option `initial_location`.
            std: standard deviation around a location that is not random.
            glimpses: number T of glimpses, which `raster` needs: it is the first cell of a grid of T.
            device: device of the locations.

        Raises:
            ValueError: if `raster` comes without a number of glimpses.
        """
        if location == "raster" and glimpses is None:
            raise ValueError("the initial location 'raster' needs the number of glimpses")
        starts = {"centre": (0.0, 0.0), "raster": first_cell(glimpses or 1), "random": None}
        start = starts[location] if isinstance(location, str) else location
        self.start = None if start is None else torch.tensor(start, device=device)
        self.std = std

    def draw(self, key: Tensor, copy: Tensor | int) -> Tensor:
        """Draw locations (B, 2) in [-1, 1] for keys (B,) int64 and numbers of copies, (B,) int64 or an int."""
        if self.start is not None and not self.std:
            return self.start.expand(len(key), 2)
        own = mix(mix(key, _INITIAL_LOCATION), copy)
        if self.start is None:
            return uniform(own, 2) * 2 - 1
        return (self.start + normal(own, 2) * self.std).clamp(-1, 1)

    def draw_one(self, key: int) -> NDArray[np.float32]:
        """Draw the location (2,) that `draw` draws for one key and the first copy."""
        if self.start is not None:
            location: NDArray[np.float32] = self.draw(torch.tensor([key], device=self.start.device), 0)[0].numpy()
            return location.copy()
        own = mix_of_one(mix_of_one(key, _INITIAL_LOCATION), 0)
        return np.array([number * 2 - 1 for number in uniform_of_one(own, 2)], np.float32)
