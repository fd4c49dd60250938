"""How an episode begins, in every world of glimpses: with which example, and where the first glimpse falls."""

from typing import Literal

import torch
from torch import Tensor

from glimpse.envs.lane_random import integers, mix, normal, uniform

_FIRST_PLACE, _EXAMPLE = 21, 22


def draw_example(key: Tensor, examples: int) -> Tensor:
    """A uniformly drawn example for each episode's key: (B,) int64 -> (B,) int64 in [0, examples)."""
    return integers(mix(key, _EXAMPLE), 1, examples)[:, 0]


class FirstPlace:
    """Where first glimpses fall: uniformly over the picture, or at one place, spread or not."""

    def __init__(
        self,
        place: Literal["random", "centre"] | tuple[float, float],
        spread: float = 0.0,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Take the option `first_place`, and the standard deviation around a place that is given."""
        start = (0.0, 0.0) if place == "centre" else place
        self._start = None if start == "random" else torch.tensor(start, device=device)
        self._spread = spread

    def draw(self, key: Tensor, copy: Tensor | int) -> Tensor:
        """Places (B, 2) in [-1, 1], one for each key (B,) int64 and copy's number, (B,) int64 or an int."""
        if self._start is not None and not self._spread:
            return self._start.expand(len(key), 2)
        own = mix(mix(key, _FIRST_PLACE), copy)
        if self._start is None:
            return uniform(own, 2) * 2 - 1
        return (self._start + normal(own, 2) * self._spread).clamp(-1, 1)
