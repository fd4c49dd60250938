"""One lane of any environment with its own random stream: in NumPy where the environment can, else a batch of one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from glimpse.envs.core import BatchedEnv
from glimpse.envs.lanes import Lanes, info_of_lane
from glimpse.envs.single_lane import Arrays, LaneStep, single_lane_of

_FIRST = np.arange(1)


class OneLane:
    """One lane of an environment: the episodes of `Lanes` of one, to the bit.

    It can be pickled as `Lanes` can.
    """

    def __init__(self, make_env: Callable[[], BatchedEnv], render_mode: str | None = None) -> None:
        """Make a lane that has no seed and no episode yet; see `Lanes`, whose errors it raises."""
        self._lanes = Lanes(make_env, 1, render_mode)
        self._single = single_lane_of(self._lanes.env)

    @property
    def env(self) -> BatchedEnv:
        """The batched environment."""
        return self._lanes.env

    @property
    def action_space(self) -> spaces.Dict:
        """Space of an action."""
        return self._lanes.env.action_space

    @property
    def info(self) -> dict[str, Any]:
        """The `label` of the episode, and what else the environment tells of it."""
        return info_of_lane(self._lanes.info, 0) if self._single is None else {"label": self._single.label}

    def seed(self, seed: int | None, generator: np.random.Generator) -> None:
        """Set the seed and count episodes from 0; without a seed go on, or draw one if there is none yet."""
        self._lanes.seed([seed], _FIRST, generator)

    def reset(self, example: NDArray[np.int64] | None = None) -> Arrays:
        """Begin the next episode, of an example (1,) or of one that is drawn, and return its first observation."""
        if self._single is None:
            return _of_first(self._lanes.reset(example=example))
        key = self._lanes.next_key(0)
        chosen = self._single.draw_example(key) if example is None else int(example[0])
        observation = self._single.reset(chosen, key)
        self._lanes.begun = True
        self._remember(observation, begun=True)
        return observation

    def step(self, action: Arrays) -> LaneStep:
        """Act in an episode that has not terminated; see `glimpse.envs.actions.check_action`."""
        if self._single is None:
            result = self._lanes.step({name: part[None] for name, part in action.items()})
            return LaneStep(_of_first(result.observation), float(result.reward[0]), bool(result.terminated[0]))
        step = self._single.step(action)
        self._remember(step.observation)
        return step

    def frame(self) -> NDArray[np.uint8] | None:
        """Draw the episode so far, (height, width, 3); without a render mode, warn and return None.

        Raises:
            ResetNeeded: if no episode has begun.
        """
        self._store()
        frames = self._lanes.frames()
        return None if frames is None else frames[0]

    def _remember(self, observation: Arrays, *, begun: bool = False) -> None:
        if self._lanes.renders:
            self._lanes.remember({name: array[None] for name, array in observation.items()}, _FIRST if begun else None)

    def _store(self) -> None:
        """Let the batched environment have the episode."""
        if self._single is not None and self._lanes.begun:
            self._single.store()

    def __getstate__(self) -> dict[str, Any]:
        """Return the lanes with the running episode."""
        self._store()
        return {"_lanes": self._lanes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Continue the episode of the lanes."""
        self._lanes = state["_lanes"]
        self._single = single_lane_of(self._lanes.env)
        if self._single is not None and self._lanes.begun:
            self._single.load()


def _of_first(observation: Arrays) -> Arrays:
    return {name: array[0] for name, array in observation.items()}
