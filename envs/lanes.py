"""Lanes: B parallel episodes of a batched environment with their own random streams, NumPy arrays in and out.

The Gymnasium and Stable-Baselines3 interfaces in `faces/` are built on it. It works for any observation and action.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium.error import ResetNeeded
from gymnasium.logger import warn
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import BatchedEnv, has_lane_info
from glimpse.envs.lane_random import mix, mix_of_one
from glimpse.envs.single_lane import Arrays

DRAWN = -1
"""Stands for the number of an example that is to be drawn."""


class StepArrays(NamedTuple):
    """Result of a step of all lanes, as NumPy arrays.

    observation: arrays of the observation space, with a leading axis B.
    reward: (B,) float32.
    terminated: (B,) bool; True where the episode has ended, at this step or before.
    info: the label and what else the environment tells of each lane, by name; see `Lanes.info`.
    """

    observation: Arrays
    reward: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    info: Arrays


_PLAIN: dict[str, type] = {"f": float, "b": bool}
"""Types of Python's numbers by the kind of an array; all others are whole numbers."""


def info_of_lane(info: Arrays, lane: int) -> dict[str, Any]:
    """Return a lane's `info`: Python's numbers, or an array for a label of several numbers."""
    return {name: plain_value(np.asarray(array[lane])) for name, array in info.items()}


def plain_value(value: NDArray[Any]) -> int | float | bool | NDArray[Any]:
    """Return a number of Python's for an array of one number, and another array as it is."""
    found: int | float | bool | NDArray[Any] = value if value.ndim else _PLAIN.get(value.dtype.kind, int)(value)
    return found


def choose_examples(given: Any, examples: int, lanes: int) -> NDArray[np.int64]:
    """Check the reset option `example` and return one example for each lane.

    Args:
        given: one whole number for all lanes, or one for each lane.
        examples: number of examples of the split.
        lanes: number of lanes B.

    Returns:
        (B,) int64 in [0, examples).

    Raises:
        ValueError: if `given` is something else.
    """
    chosen = np.asarray(given)
    whole, fits = chosen.dtype.kind in "iu", chosen.shape in ((), (lanes,))
    if not (whole and fits and np.all((chosen >= 0) & (chosen < examples))):
        each = f", or {lanes} of them" if lanes > 1 else ""
        raise ValueError(f"options['example'] should be a whole number from 0 to {examples - 1}{each}, got {given!r}")
    return np.broadcast_to(chosen, lanes).astype(np.int64)


def _for_info(value: Tensor) -> NDArray[Any]:
    """Return a copy as an array; numbers have the precision of Python's."""
    array = value.numpy(force=True)
    return array.astype(np.float64) if array.dtype.kind == "f" else array.copy()


class Lanes:
    """B lanes of an environment.

    Episode number c of a lane depends on the key mix(seed of the lane, c) alone, not on the number of lanes. Returned
    arrays are new each time. A pickle has the running episodes, but nothing that `make_env` makes again, such as the
    data.
    """

    def __init__(self, make_env: Callable[[], BatchedEnv], count: int, render_mode: str | None = None) -> None:
        """Make lanes that have no seed and no episode yet.

        Args:
            make_env: makes the environment; it must be picklable if the lanes are to be pickled.
            count: number of lanes B.
            render_mode: "rgb_array" to keep the observations of each episode for `frames`; or None.

        Raises:
            ValueError: if the render mode is unknown, or `count` is less than 1.
        """
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode should be None or 'rgb_array', got {render_mode!r}")
        if count < 1:
            raise ValueError(f"num_envs should be at least 1, got {count}")
        self.env = make_env()
        self.count = count
        self.begun = False
        self._make_env = make_env
        self._pristine = dict(vars(self.env))  # References, compared in `_played`.
        self._seeds: NDArray[np.int64] = np.zeros(count, np.int64)
        self._seeded = np.zeros(count, bool)
        self._episodes: NDArray[np.int64] = np.zeros(count, np.int64)
        self._seen: list[list[Arrays]] | None = [[] for _ in range(count)] if render_mode else None

    def seed(self, seeds: Sequence[int | None], lanes: NDArray[np.intp], generator: np.random.Generator) -> None:
        """Set the seeds of some lanes and count their episodes from 0.

        Args:
            seeds: one for each of all B lanes; a lane with None keeps its seed and its count.
            lanes: (R,) the lanes to seed.
            generator: draws a seed for lanes that have none yet.
        """
        for lane in lanes:
            seed = seeds[lane]
            if seed is None and not self._seeded[lane]:
                seed = int(generator.integers(2**63))
            if seed is not None:
                # Seeds may be any natural number; a key has 64 bits.
                self._seeds[lane], self._episodes[lane], self._seeded[lane] = seed % 2**63, 0, True

    def next_key(self, lane: int) -> int:
        """Return the key of a lane's next episode, and count it."""
        key = mix_of_one(int(self._seeds[lane]), int(self._episodes[lane]))
        self._episodes[lane] += 1
        return key

    def reset(self, lanes: NDArray[np.intp] | None = None, example: NDArray[np.int64] | None = None) -> Arrays:
        """Begin the next episode of some lanes and leave the others as they are.

        Args:
            lanes: (R,) the lanes to reset; by default all.
            example: (B,) the example of each lane, or DRAWN to draw one; by default all are drawn.

        Returns:
            The observation of all B lanes.
        """
        chosen = np.arange(self.count) if lanes is None else lanes
        key = mix(self._tensor(self._seeds[chosen]), self._tensor(self._episodes[chosen]))
        self._episodes[chosen] += 1
        shown = self.env.draw_example(key)
        if example is not None:
            wanted = self._tensor(example[chosen])
            shown = torch.where(wanted == DRAWN, shown, wanted)
        if lanes is None:
            observation = self._arrays(self.env.reset(shown, key))
            self.begun = True
        else:
            observation = self._arrays(self.env.reset_lanes(self._tensor(lanes), shown, key))
        self.remember(observation, chosen)
        return observation

    def step(self, action: Arrays) -> StepArrays:
        """Act in all lanes.

        Args:
            action: arrays of the action space, with a leading axis B; see `glimpse.envs.actions.check_action`.

        Raises:
            ResetNeeded: if no episode has begun.
        """
        if not self.begun:
            raise ResetNeeded("no episode is being played: call reset() first")
        result = self.env.step({name: self._tensor(array) for name, array in action.items()})
        observation = self._arrays(result.observation)
        self.remember(observation)
        reward, terminated = result.reward.numpy(force=True), result.terminated.numpy(force=True).copy()
        return StepArrays(observation, reward, terminated, self.info)

    @property
    def label(self) -> NDArray[Any]:
        """Right answer of each lane: (B,) int64, or (B, M); or (B,) float32, a score."""
        return self.env.label.numpy(force=True).copy()

    @property
    def info(self) -> Arrays:
        """The `label` of each lane, and what else the environment tells of it by name, (B,) each."""
        more = self.env.lane_info() if has_lane_info(self.env) else {}
        return {"label": self.label, **{name: _for_info(value) for name, value in more.items()}}

    def frames(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Draw each lane as a picture (height, width, 3); without a render mode, warn and return None.

        Raises:
            ResetNeeded: if no episode has begun.
        """
        if self._seen is None:
            warn("nothing is rendered without a render mode: make the environment with render_mode='rgb_array'")
            return None
        if not self.begun:
            raise ResetNeeded("no episode is being played: call reset() first")
        return tuple(self.env.frame(lane, seen) for lane, seen in enumerate(self._seen))

    @property
    def renders(self) -> bool:
        """Whether `frames` draws something."""
        return self._seen is not None

    def remember(self, observation: Arrays, begun: NDArray[np.intp] | None = None) -> None:
        """Append an observation to the history of all lanes, or begin the history of the lanes `begun` with it."""
        if self._seen is None:
            return
        for lane in range(self.count) if begun is None else begun:
            if begun is not None:
                self._seen[lane] = []
            self._seen[lane].append({name: array[lane].copy() for name, array in observation.items()})

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.as_tensor(array, device=self.env.device)

    def _arrays(self, observation: dict[str, Tensor]) -> Arrays:
        """Copy an observation to arrays of the spaces' types, so that a caller may change them."""
        return {
            name: np.array(observation[name].numpy(force=True), dtype=space.dtype)
            for name, space in self.env.observation_space.spaces.items()
        }

    def state(self) -> dict[str, Any]:
        """Return the running episodes for `restore`, as tensors and numbers only, for checkpoints."""
        counts = {name: torch.from_numpy(getattr(self, name)) for name in ("_seeds", "_seeded", "_episodes")}
        plain = (Tensor, int, float)
        return {**counts, "env": {name: value for name, value in self._played().items() if isinstance(value, plain)}}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue the episodes of `state`; `frames` does not have their earlier observations."""
        self._seeds, self._seeded, self._episodes = (state[name].numpy() for name in ("_seeds", "_seeded", "_episodes"))
        for name in self._derived():  # They belong to other episodes.
            vars(self.env).pop(name, None)
        for name, value in state["env"].items():
            # A checkpoint from elsewhere must not replace what an environment does.
            if not all(isinstance(one, Tensor | int | float) for one in (value, getattr(type(self.env), name, 0))):
                raise ValueError(f"{name!r} is no tensor or number that an environment keeps between steps")
            setattr(self.env, name, value.to(self.env.device) if isinstance(value, Tensor) else value)
        self.begun = True

    def _played(self) -> dict[str, Any]:
        """Return the attributes that resets and steps have set: those that are not the objects of the construction."""
        return {
            name: value
            for name, value in vars(self.env).items()
            if (name not in self._pristine or value is not self._pristine[name]) and name not in self._derived()
        }

    def _derived(self) -> frozenset[str]:
        """Return the names of attributes that the environment makes again; one of another package may have none."""
        derived: frozenset[str] = getattr(self.env, "derived", frozenset())
        return derived

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes, but of the environment only those of its running episodes."""
        return {**vars(self), "env": self._played(), "_pristine": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the environment again and continue its episodes."""
        env = state["_make_env"]()
        vars(self).update({**state, "env": env, "_pristine": dict(vars(env))})
        vars(env).update(state["env"])
