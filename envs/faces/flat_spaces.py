"""Flat versions of an environment's Dict spaces, as Stable-Baselines3 and algorithms of one choice need them.

Stable-Baselines3 does not accept Dict action spaces, and takes a Box of three axes for a picture of at least 36 x 36
bytes. So in the flat view an action is a vector of choices, and each observed array is one vector.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from glimpse.envs.single_lane import Arrays


def flat_box(part: spaces.Space[Any]) -> spaces.Box:
    """Return the Box of vectors for an observed space: a Box flattened, a Discrete one-hot, others as they are.

    Raises:
        ValueError: if the space is none of numbers.
    """
    if isinstance(part, spaces.Box):
        flat = spaces.flatten_space(part)
        assert isinstance(flat, spaces.Box)
        return flat
    if isinstance(part, spaces.Discrete):
        return spaces.Box(0, 1, (int(part.n),), np.float32)
    if isinstance(part, spaces.MultiBinary):
        return spaces.Box(0, 1, (int(np.prod(part.shape)),), np.float32)
    if isinstance(part, spaces.MultiDiscrete):
        return spaces.Box(0, (part.nvec.reshape(-1) - 1).astype(np.float32), dtype=np.float32)
    raise ValueError(f"only Box, Discrete, MultiDiscrete and MultiBinary spaces can be flattened, got {part}")


class FlatSpaces:
    """Flat versions of an environment's Dict spaces, and conversions to and from them.

    Action: a MultiDiscrete of `grid` choices for each number of a Box, then two for each bit of a MultiBinary, then
    the choices of each MultiDiscrete, then those of each Discrete. For classification it is [column, row, answer], and
    stop where the task has it. The location is the centre of a cell of a grid x grid board; column 0 is leftmost and
    row 0 topmost.
    Observation: the same Dict of vectors: each Box flattened, a Discrete as one-hot, other numbers as they are. All
    parts are Boxes, so that frame stacking and normalisation work.
    """

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], grid: int) -> None:
        """Flatten the spaces of one environment.

        Args:
            observation_space: a Dict.
            action_space: a Dict of Box, Discrete, MultiDiscrete and MultiBinary spaces.
            grid: number of choices for each number of a Box.

        Raises:
            ValueError: if a space is no Dict, or `grid` is less than 1.
        """
        if not isinstance(observation_space, spaces.Dict) or not isinstance(action_space, spaces.Dict):
            raise ValueError(f"only Dict spaces can be flattened, got {observation_space} and {action_space}")
        if grid < 1:
            raise ValueError(f"grid should be at least 1, got {grid}")
        self.grid = grid
        self._boxes = {name: part for name, part in action_space.items() if isinstance(part, spaces.Box)}
        self._choices = {name: part for name, part in action_space.items() if isinstance(part, spaces.Discrete)}
        self._bits = {name: part for name, part in action_space.items() if isinstance(part, spaces.MultiBinary)}
        self._rows = {name: part for name, part in action_space.items() if isinstance(part, spaces.MultiDiscrete)}
        numbers = sum(int(np.prod(box.shape)) for box in self._boxes.values())
        bits = sum(int(np.prod(part.shape)) for part in self._bits.values())
        choices = [part.n for part in self._choices.values()]
        rows = [int(count) for part in self._rows.values() for count in part.nvec]
        self.action_space = spaces.MultiDiscrete([grid] * numbers + [2] * bits + rows + choices)
        self._observed = dict(observation_space.items())
        self.observation_space = spaces.Dict({name: flat_box(part) for name, part in observation_space.items()})

    def flatten(self, observation: Arrays, batch: tuple[int, ...]) -> Arrays:
        """Convert an observation with leading axes `batch` to the flat space."""
        flat = {}
        for name, part in self._observed.items():
            array, box = np.asarray(observation[name]), self.observation_space[name]
            if isinstance(part, spaces.Discrete):
                array = array[..., None] == np.arange(part.start, part.start + part.n)
            flat[name] = array.reshape(*batch, -1).astype(box.dtype, copy=False)
        return flat

    def unflatten(self, action: NDArray[Any]) -> Arrays:
        """Convert flat actions (B, A) to the parts of the environment's action, each with a leading axis B.

        Raises:
            ValueError: if the actions have another shape or type, or a choice is out of range.
        """
        chosen, limits = np.asarray(action), self.action_space.nvec
        fits = chosen.ndim == 2 and chosen.shape[1:] == limits.shape and chosen.dtype.kind in "iu"
        if not fits or np.any((chosen < 0) | (chosen >= limits)):
            raise ValueError(f"a flat action should be {len(limits)} whole numbers below {limits}, got {action}")
        parts, start = {}, 0
        for name, box in self._boxes.items():
            end = start + int(np.prod(box.shape))
            fraction = ((chosen[:, start:end] + 0.5) / self.grid).reshape(-1, *box.shape)  # centre of the chosen cell
            parts[name] = (box.low + fraction * (box.high - box.low)).astype(box.dtype)
            start = end
        for name, part in self._bits.items():
            end = start + int(np.prod(part.shape))
            parts[name] = chosen[:, start:end].reshape(-1, *part.shape).astype(part.dtype)
            start = end
        for name, row in self._rows.items():
            end = start + len(row.nvec)
            parts[name] = chosen[:, start:end].astype(row.dtype)
            start = end
        for column, (name, choice) in enumerate(self._choices.items(), start=start):
            parts[name] = chosen[:, column].astype(np.int64) + choice.start
        return parts

    def masks(self, observation: Arrays, batch: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return which choices are legal, as sb3-contrib's MaskablePPO expects: (*batch, sum of all choices) bool.

        The observation `legal` is the mask of the action `jump`; all other choices are always legal.
        """
        sizes = self.action_space.nvec.tolist()
        first_choice = len(sizes) - len(self._choices)
        columns = [np.ones((*batch, size), np.bool_) for size in sizes]
        columns[first_choice + list(self._choices).index("jump")] = np.asarray(observation["legal"], np.bool_)
        return np.concatenate(columns, -1)
