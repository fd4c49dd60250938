"""One lane of an environment of pictures, in NumPy: what all of them share."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.envs.images.picture_env import PictureEnv
from glimpse.envs.lane_random import draw_example_of_one
from glimpse.envs.single_lane import Arrays

Floats = NDArray[np.float32]


class PictureLane(ABC):
    """Base class of single lanes of environments of pictures; see `SingleLane` and `PictureEnv`."""

    env: PictureEnv

    def __init__(self, env: PictureEnv) -> None:
        """Begin without an episode."""
        self.env, self._examples, self._initial_location = env, env.examples, env.initial_location
        self._time, self._terminated = 0, False
        self._location = self._glimpse = np.zeros(0, np.float32)

    @abstractmethod
    def _look(self) -> Floats:
        """Take the glimpse (K, C, P, P) at the location: a new array."""

    def draw_example(self, key: int) -> int:
        """Draw an example for an episode's key."""
        return draw_example_of_one(key, self._examples)

    def _begin(self, location: Floats) -> Arrays:
        """Take the first glimpse of the picture, and return what is observed."""
        self._time, self._terminated, self._location = 0, False, location
        self._glimpse = self._look()
        return self._observe()

    def _observe(self) -> Arrays:
        """Return copies of what is observed now."""
        time: Any = np.int64(self._time)  # A row of an array of numbers is such a scalar.
        return {"glimpse": self._glimpse.copy(), "location": self._location.copy(), "time": time}

    def _store(self) -> None:
        """Write the attributes of every `PictureEnv` of one lane."""
        env = self.env
        env._location, env._glimpse = torch.from_numpy(self._location)[None], torch.from_numpy(self._glimpse)[None]
        env._time, env._terminated = torch.tensor([self._time]), torch.tensor([self._terminated])
        env._steps, env._zoom = self._time, env._first_zoom(1)

    def _load(self) -> None:
        """Read the attributes of every `PictureEnv` of one lane."""
        env = self.env
        self._location, self._glimpse = env._location[0].numpy(), env._glimpse[0].numpy()
        self._time, self._terminated = int(env._time), bool(env._terminated)


def clamped(look: Floats) -> Floats:
    """Return a chosen location (2,), clamped to [-1, 1], as a new array."""
    x, y = look.tolist()
    if -1 <= x <= 1 and -1 <= y <= 1:
        return look.copy()
    return np.minimum(np.maximum(look, -1), 1)
