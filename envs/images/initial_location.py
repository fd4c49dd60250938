"""Location of the first glimpse of an episode."""

from typing import Literal

import torch
from torch import Tensor

from glimpse.envs.lane_random import mix, normal, uniform

_INITIAL_LOCATION = 21


class InitialLocation:
    """Distribution of initial locations: uniform over the picture, or one location with or without noise."""

    def __init__(
        self,
        location: Literal["random", "centre"] | tuple[float, float],
        std: float = 0.0,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Set the distribution.

        Args:
            location: the option `initial_location`.
            std: standard deviation around a location that is not random.
            device: device of the locations.
        """
        start = (0.0, 0.0) if location == "centre" else location
        self._start = None if start == "random" else torch.tensor(start, device=device)
        self._std = std

    def draw(self, key: Tensor, copy: Tensor | int) -> Tensor:
        """Draw locations (B, 2) in [-1, 1] for keys (B,) int64 and numbers of copies, (B,) int64 or an int."""
        if self._start is not None and not self._std:
            return self._start.expand(len(key), 2)
        own = mix(mix(key, _INITIAL_LOCATION), copy)
        if self._start is None:
            return uniform(own, 2) * 2 - 1
        return (self._start + normal(own, 2) * self._std).clamp(-1, 1)
