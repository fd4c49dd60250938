"""The Gymnasium faces of a batched core: one environment, and many side by side, native.

They know a core by its spaces, its labels and its examples; what it shows is its own affair. Environment i of
many, reset with seed s, plays the episodes of a single one reset with seed s + i.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from glimpse.envs.actions import check_action
from glimpse.envs.lanes import Arrays, Lanes, Turn, choose_examples, told
from glimpse.envs.make_batched import make_core

Frame = NDArray[np.uint8]
Info = dict[str, Any]
METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}


class WorldEnv(gym.Env[dict[str, Any], dict[str, Any]]):
    """A world, one episode at a time.

    Spaces, reward, start and end are the core's: see `Classification`. The true label is
    in `info["label"]`. Nothing is ever truncated.
    """

    metadata = METADATA

    def __init__(self, name: str, *, render_mode: str | None = None, **options: Any) -> None:
        """Make a world.

        Args:
            name: which one of `WORLDS`.
            render_mode: None or "rgb_array".
            **options: what `make_core` takes: split, data_root, download, device, the world's own options.

        Raises:
            ValueError: if an option is unknown or wrong.
            DataError: if the data cannot be had.
        """
        self.render_mode = render_mode
        self._lanes = Lanes(partial(make_core, name, **options), 1, render_mode)
        self.observation_space = self._lanes.core.observation_space
        self.action_space = self._lanes.core.action_space
        self._over = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Arrays, Info]:
        """Begin the next episode.

        Args:
            seed: begin this stream of episodes; without it the stream goes on. Episode number c of stream s
                follows from (s, c) alone.
            options: {"example": number} to show that example of the split.

        Raises:
            ValueError: if an option is unknown or wrong.
        """
        super().reset(seed=seed)
        example = _read_options(options, self._lanes)
        self._lanes.seed([seed], np.arange(1), self.np_random)
        observation = self._lanes.begin(example=example)
        self._over = False
        return _of_lane(observation, 0), {"label": told(self._lanes.label[0])}

    def step(self, action: dict[str, Any]) -> tuple[Arrays, float, bool, bool, Info]:
        """Act.

        Raises:
            ValueError: if the action is none.
            ResetNeeded: if no episode is being played.
        """
        if self._over:
            raise ResetNeeded("the episode is over, or none has begun: call reset() first")
        checked = check_action(self._lanes.core.action_space, action)
        turn = self._lanes.step({name: part[None] for name, part in checked.items()})
        self._over = bool(turn.over[0])
        info = {"label": told(turn.label[0])}
        return _of_lane(turn.observation, 0), float(turn.reward[0]), self._over, False, info

    def render(self) -> Frame | None:
        """The whole image, the path so far and the last glimpse: (height, width, 3)."""
        frames = self._lanes.frames()
        return None if frames is None else frames[0]


class WorldVectorEnv(VectorEnv[Arrays, Mapping[str, Any], NDArray[Any]]):
    """A world, `num_envs` episodes side by side, stepped together.

    The same as `gymnasium.vector.SyncVectorEnv` of that many `WorldEnv`, in all three autoreset modes, but
    without a loop over them. The action of an environment that is being reset is not used.
    """

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        *,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **options: Any,
    ) -> None:
        """Make worlds.

        Args:
            name: which one of `WORLDS`.
            num_envs: how many.
            render_mode: None or "rgb_array".
            autoreset_mode: "NextStep", "SameStep" or "Disabled": when the next episode begins after an end.
            **options: as for `WorldEnv`.

        Raises:
            ValueError: if an option is unknown or wrong.
            DataError: if the data cannot be had.
        """
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = _read_autoreset_mode(autoreset_mode)
        # On the instance: metadata of the class would be shared by environments of other modes.
        self.metadata = {**METADATA, "autoreset_mode": self.autoreset_mode}
        self._lanes = Lanes(partial(make_core, name, **options), num_envs, render_mode)
        self.single_observation_space = self._lanes.core.observation_space
        self.single_action_space = self._lanes.core.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over = np.zeros(num_envs, bool)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, Info]:
        """Begin the next episodes.

        Args:
            seed: s for the streams s, s + 1, ..., or one for each environment; without it the streams go on.
            options: {"example": number, or one for each environment} to show those examples of the split;
                {"reset_mask": (num_envs,) bool} to reset some environments only.

        Raises:
            ValueError: if an option is unknown or wrong.
        """
        if seed is None or isinstance(seed, int):
            super().reset(seed=seed)
        seeds, lanes = _read_seeds(seed, self.num_envs), self._read_reset_mask(options)
        example = _read_options(options, self._lanes, "reset_mask")
        chosen = np.arange(self.num_envs) if lanes is None else lanes
        self._lanes.seed(seeds, chosen, self.np_random)
        observation = self._lanes.begin(lanes, example)
        self._over[chosen] = False
        return observation, _info_of(self._lanes.label, chosen)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[Arrays, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Act in all environments.

        Raises:
            ValueError: if an action is none.
            ResetNeeded: if no episode has begun, or one is over and its environment does not reset itself.
        """
        waiting = np.flatnonzero(self._over)
        if len(waiting) and self.autoreset_mode is AutoresetMode.DISABLED:
            raise ResetNeeded(f"the episodes of environments {waiting.tolist()} are over: reset() them first")
        turn = self._lanes.step(check_action(self._lanes.core.action_space, actions, (self.num_envs,)))
        observation, over, infos = turn.observation, turn.over, {}
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and len(waiting):
            over[waiting] = False
            observation = self._lanes.begin(waiting)
        elif self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            ended = np.flatnonzero(over)
            infos = _final_infos(turn, ended)
            observation = self._lanes.begin(ended)
        self._over = over.copy()
        infos |= _info_of(self._lanes.label, np.arange(self.num_envs))
        return observation, turn.reward.astype(np.float64), over, np.zeros(self.num_envs, bool), infos

    def render(self) -> tuple[Frame, ...] | None:
        """A picture of each environment; see `WorldEnv.render`."""
        return self._lanes.frames()

    def _read_reset_mask(self, options: Mapping[str, Any] | None) -> NDArray[np.intp] | None:
        """Which environments are to be reset, None for all."""
        if not options or "reset_mask" not in options:
            return None
        mask = np.asarray(options["reset_mask"])
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(f"options['reset_mask'] should be {self.num_envs} bools, at least one True, got {mask!r}")
        if not self._lanes.begun and not mask.all():
            raise ValueError("options['reset_mask']: the first reset has to be of all environments")
        return np.flatnonzero(mask) if self._lanes.begun else None


def _read_autoreset_mode(given: AutoresetMode | str) -> AutoresetMode:
    modes = {mode.value: mode for mode in AutoresetMode}
    if not isinstance(given, AutoresetMode) and given not in modes:
        raise ValueError(f"autoreset_mode should be one of {list(modes)}, got {given!r}")
    return given if isinstance(given, AutoresetMode) else modes[given]


def _read_seeds(given: int | Sequence[int | None] | None, count: int) -> list[int | None]:
    """A seed for each environment, None where its stream goes on."""
    if given is None:
        return [None] * count
    if isinstance(given, int):
        return [given + number for number in range(count)]
    seeds = [None if seed is None else int(seed) for seed in given]
    if len(seeds) != count or any(seed is not None and seed < 0 for seed in seeds):
        raise ValueError(f"seed should be a natural number or a list of {count} of them, got {given!r}")
    return seeds


def _read_options(options: Mapping[str, Any] | None, lanes: Lanes, *others: str) -> NDArray[np.int64] | None:
    """Which example each lane is to show; None where they are to be drawn."""
    known = ("example", *others)
    unknown = sorted(set(options or {}) - set(known))
    if unknown:
        raise ValueError(f"reset() knows the options {list(known)}, got {unknown}")
    if not options or "example" not in options:
        return None
    return choose_examples(options["example"], lanes.core.examples, lanes.count)


def _of_lane(observation: Arrays, lane: int) -> Arrays:
    return {name: array[lane] for name, array in observation.items()}


def _info_of(label: NDArray[np.int64], lanes: NDArray[np.intp]) -> Info:
    """The labels of some environments, in Gymnasium's layout: an array, and a mask of where it holds."""
    holds = np.zeros(len(label), bool)
    holds[lanes] = True
    return {"label": np.where(holds.reshape(-1, *(1,) * (label.ndim - 1)), label, 0), "_label": holds}


def _final_infos(turn: Turn, ended: NDArray[np.intp]) -> Info:
    """What the episodes that have just ended were like at last, in the layout of `SyncVectorEnv`."""
    final = np.full(len(turn.over), None, dtype=object)
    for lane in ended:
        final[lane] = _of_lane(turn.observation, lane)
    return {
        "final_obs": final,
        "_final_obs": turn.over.copy(),
        "final_info": _info_of(turn.label, ended),
        "_final_info": turn.over.copy(),
    }
