"""Gymnasium interfaces of a batched environment: a single environment and a vector environment.

Both work for any batched environment. Environment i of a vector, reset with seed s, has the episodes of a single one
reset with seed s + i.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from glimpse.envs.actions import check_action
from glimpse.envs.core import BatchedEnv
from glimpse.envs.faces.arguments import is_seed, read_limit, read_seeds
from glimpse.envs.lanes import Lanes, StepArrays, choose_examples
from glimpse.envs.make_batched import make_batched_env
from glimpse.envs.one_lane import OneLane
from glimpse.envs.single_lane import Arrays

Frame = NDArray[np.uint8]
Info = dict[str, Any]
METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}


class GlimpseEnv(gym.Env[dict[str, Any], dict[str, Any]]):
    """Gymnasium environment of one episode at a time.

    The batched environment, such as `Classification`, documents spaces, reward, start and end. The true label is in
    `info["label"]`. Episodes are never truncated.
    """

    metadata = METADATA

    def __init__(self, name: str, *, render_mode: str | None = None, **options: Any) -> None:
        """Make an environment.

        Args:
            name: name of the environment, a key of `ENVIRONMENTS`.
            render_mode: None or "rgb_array".
            **options: arguments of `make_batched_env`: split, data_root, download, device, the environment's options.

        Raises:
            TypeError: if there is no such option.
            ValueError: if an option is wrong.
            DataError: if the data cannot be loaded.
        """
        self.render_mode = render_mode
        self._lane = OneLane(partial(make_batched_env, name, **options), render_mode)
        self.observation_space = self._lane.env.observation_space
        self.action_space = self._lane.action_space
        self._terminated = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Arrays, Info]:
        """Begin the next episode.

        Args:
            seed: begins this stream of episodes; without it the stream continues. Episode number c of stream s
                depends on (s, c) alone.
            options: {"example": number} to show that example of the split.

        Raises:
            ValueError: if an option is unknown or wrong.
        """
        super().reset(seed=seed)
        example = _read_options(options, self._lane.env, 1)
        self._lane.seed(seed, self.np_random)
        observation = self._lane.reset(example)
        self._terminated = False
        return observation, self._lane.info

    def step(self, action: dict[str, Any]) -> tuple[Arrays, float, bool, bool, Info]:
        """Take one step.

        Raises:
            ValueError: if the action does not fit the action space.
            ResetNeeded: if no episode is being played.
        """
        if self._terminated:
            raise ResetNeeded("the episode has terminated, or none has begun: call reset() first")
        observation, reward, self._terminated = self._lane.step(check_action(self._lane.action_space, action))
        return observation, reward, self._terminated, False, self._lane.info

    def render(self) -> Frame | None:
        """Draw the episode so far, (height, width, 3); without a render mode, warn and return None."""
        return self._lane.frame()


class GlimpseVectorEnv(VectorEnv[Arrays, Mapping[str, Any], NDArray[Any]]):
    """Gymnasium vector environment: `num_envs` episodes that are stepped together.

    It equals `gymnasium.vector.SyncVectorEnv` of as many `GlimpseEnv`, in all three autoreset modes, but has no loop
    over them. The action of an environment that is being reset is not used.
    """

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        *,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        **options: Any,
    ) -> None:
        """Make the environments.

        Args:
            name: name of the environment, a key of `ENVIRONMENTS`.
            num_envs: number of environments.
            render_mode: None or "rgb_array".
            autoreset_mode: "NextStep", "SameStep" or "Disabled": when the next episode begins after one has terminated.
            max_episode_steps: number of steps after which episodes are truncated, as by Gymnasium's TimeLimit; None or
                -1 for no limit.
            **options: as for `GlimpseEnv`.

        Raises:
            TypeError: if there is no such option.
            ValueError: if an option is wrong.
            DataError: if the data cannot be loaded.
        """
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = _read_autoreset_mode(autoreset_mode)
        # Set on the instance, since environments of other modes share the metadata of the class.
        self.metadata = {**METADATA, "autoreset_mode": self.autoreset_mode}
        self._lanes = Lanes(partial(make_batched_env, name, **options), num_envs, render_mode)
        self.single_observation_space = self._lanes.env.observation_space
        self.single_action_space = self._lanes.env.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._limit = read_limit(max_episode_steps)
        self._over = np.zeros(num_envs, bool)  # episodes that have terminated or were truncated
        self._elapsed = np.zeros(num_envs, np.int64)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, Info]:
        """Begin the next episodes.

        Args:
            seed: s for the streams s, s + 1, ..., or one for each environment; without it the streams continue.
            options: {"example": number, or one for each environment} to show those examples of the split;
                {"reset_mask": (num_envs,) bool} to reset only some environments.

        Raises:
            ValueError: if an option is unknown or wrong.
        """
        if seed is None or is_seed(seed):
            super().reset(seed=None if seed is None else int(cast(int, seed)))
        seeds, lanes = read_seeds(seed, self.num_envs), self._read_reset_mask(options)
        example = _read_options(options, self._lanes.env, self.num_envs, "reset_mask")
        chosen = np.arange(self.num_envs) if lanes is None else lanes
        self._lanes.seed(seeds, chosen, self.np_random)
        observation = self._lanes.reset(lanes, example)
        self._over[chosen], self._elapsed[chosen] = False, 0
        return observation, _info_of(self._lanes.info, chosen)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[Arrays, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Take one step in all environments.

        Raises:
            ValueError: if the actions do not fit the action space.
            ResetNeeded: if no episode has begun, or one has terminated and autoreset is disabled.
        """
        waiting = np.flatnonzero(self._over)
        if len(waiting) and self.autoreset_mode is AutoresetMode.DISABLED:
            raise ResetNeeded(f"the episodes of environments {waiting.tolist()} have ended: reset() them first")
        result = self._lanes.step(check_action(self._lanes.env.action_space, actions, (self.num_envs,)))
        observation, terminated, reward, infos = result.observation, result.terminated, result.reward, {}
        self._elapsed += 1
        # Environments whose episode ended at the step before begin the next one, in place of this step.
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and len(waiting):
            observation = self._begin_again(waiting)
            terminated[waiting], reward = False, np.where(self._over, np.float32(0), reward)
        truncated = np.zeros(self.num_envs, bool) if self._limit is None else self._elapsed >= self._limit
        self._over = terminated | truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._over.any():
            infos = _final_infos(result, self._over)
            observation = self._begin_again(np.flatnonzero(self._over))
        infos |= _info_of(self._lanes.info, np.arange(self.num_envs))
        return observation, reward.astype(np.float64), terminated, truncated, infos

    def _begin_again(self, ended: NDArray[np.intp]) -> Arrays:
        """Reset some environments, and return the observation of all."""
        self._elapsed[ended] = 0
        return self._lanes.reset(ended)

    def render(self) -> tuple[Frame, ...] | None:
        """Draw each environment; see `GlimpseEnv.render`."""
        return self._lanes.frames()

    def _read_reset_mask(self, options: Mapping[str, Any] | None) -> NDArray[np.intp] | None:
        """Return the environments to be reset, (R,), or None for all."""
        if not options or "reset_mask" not in options:
            return None
        mask = np.asarray(options["reset_mask"])
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(f"options['reset_mask'] should be {self.num_envs} bools, at least one True, got {mask!r}")
        if not self._lanes.begun and not mask.all():
            raise ValueError("options['reset_mask']: the first reset should be of all environments")
        return np.flatnonzero(mask) if self._lanes.begun else None


def _read_autoreset_mode(given: AutoresetMode | str) -> AutoresetMode:
    modes = {mode.value: mode for mode in AutoresetMode}
    if not isinstance(given, AutoresetMode) and given not in modes:
        raise ValueError(f"autoreset_mode should be one of {list(modes)}, got {given!r}")
    return given if isinstance(given, AutoresetMode) else modes[given]


def _read_options(
    options: Mapping[str, Any] | None, env: BatchedEnv, lanes: int, *others: str
) -> NDArray[np.int64] | None:
    """Return the example of each lane, (B,), or None to draw them."""
    known = ("example", *others)
    unknown = sorted(repr(name) for name in options or {} if name not in known)
    if unknown:
        raise ValueError(f"reset() knows the options {', '.join(map(repr, known))}, got {', '.join(unknown)}")
    if not options or "example" not in options:
        return None
    return choose_examples(options["example"], env.examples, lanes)


def _of_lane(observation: Arrays, lane: int) -> Arrays:
    return {name: array[lane] for name, array in observation.items()}


def _info_of(info: Arrays, lanes: NDArray[np.intp]) -> Info:
    """Return the info of some environments in Gymnasium's layout: arrays, each with a mask of its valid entries."""
    found: Info = {}
    for name, array in info.items():
        valid = np.zeros(len(array), bool)
        valid[lanes] = True
        found[name] = np.where(valid.reshape(-1, *(1,) * (array.ndim - 1)), array, array.dtype.type(0))
        found[f"_{name}"] = valid
    return found


def _final_infos(result: StepArrays, over: NDArray[np.bool_]) -> Info:
    """Return the last observations and infos of the episodes that have just ended, in the layout of `SyncVectorEnv`."""
    final, ended = np.full(len(over), None, dtype=object), np.flatnonzero(over)
    for lane in ended.tolist():
        final[lane] = _of_lane(result.observation, lane)
    return {
        "final_obs": final,
        "_final_obs": over.copy(),
        "final_info": _info_of(result.info, ended),
        "_final_info": over.copy(),
    }
