"""View of a single environment with one Discrete action, as DQN and other algorithms of action values need it."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from glimpse.envs.faces.stable_baselines3_face import FlatView

_MOST = 1_000_000
"""Largest number of actions."""


class DiscreteView(gym.Wrapper[dict[str, Any], Any, dict[str, Any], Any], RecordConstructorArgs):
    """Wrapper with one Discrete action: `DiscreteView(gym.make("glimpse/Digits-v0"), grid=3)`.

    An action numbers the combinations of all choices of `FlatView`, the last choice fastest: of classification with a
    3 x 3 board and 10 classes, action (3 column + row) 10 + answer, 90 in all. Observations are those of `FlatView`.
    """

    def __init__(self, env: gym.Env[dict[str, Any], Any], grid: int = 3) -> None:
        """Wrap an environment whose spaces are Dicts; `grid` is the number of cells along each axis.

        Raises:
            ValueError: if there are more than a million combinations.
        """
        RecordConstructorArgs.__init__(self, grid=grid)
        super().__init__(FlatView(env, grid))
        choices = self.env.action_space
        assert isinstance(choices, spaces.MultiDiscrete)
        self._sizes = [int(size) for size in choices.nvec]
        count = int(np.prod([float(size) for size in self._sizes]))
        if count > _MOST:
            raise ValueError(
                f"{count:.3g} combinations of the choices {self._sizes} are too many for one action: lower grid, or "
                "use FlatView, whose action is a vector of choices"
            )
        self._count = count
        self.action_space = spaces.Discrete(count)

    def step(self, action: Any) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        """Take one step with the number of a combination.

        Raises:
            ValueError: if there is no such combination.
        """
        number = np.asarray(action)
        if number.size != 1 or number.dtype.kind not in "iu" or not 0 <= number.item() < self._count:
            raise ValueError(f"an action should be a whole number from 0 to {self._count - 1}, got {action!r}")
        choices: NDArray[np.int64] = np.array(np.unravel_index(int(number.item()), self._sizes), np.int64)
        observation, reward, terminated, truncated, info = self.env.step(choices)
        return observation, reward, terminated, truncated, info
