"""Stable-Baselines3 interface of a batched environment: a flat view of its spaces, and a VecEnv. See `flat_spaces`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.envs.faces.arguments import SeedError, is_seed, read_limit
from glimpse.envs.faces.flat_spaces import FlatSpaces
from glimpse.envs.lanes import DRAWN, Lanes, choose_examples, info_of_lane
from glimpse.envs.make_batched import make_batched_env
from glimpse.envs.single_lane import Arrays

Indices = int | Iterable[int] | None


class FlatView(gym.Wrapper[dict[str, Any], Any, dict[str, Any], Any], RecordConstructorArgs):
    """Wrapper that gives one environment flat spaces: `FlatView(gym.make("glimpse/Digits-v0"))`. See `FlatSpaces`."""

    def __init__(self, env: gym.Env[dict[str, Any], Any], grid: int = 7) -> None:
        """Wrap an environment whose spaces are Dicts; `grid` is the number of cells along each axis."""
        RecordConstructorArgs.__init__(self, grid=grid)
        super().__init__(env)
        self._flat = FlatSpaces(env.observation_space, env.action_space, grid)
        self.observation_space, self.action_space = self._flat.observation_space, self._flat.action_space
        if "legal" in self.observation_space.spaces:
            self.action_masks = self._action_masks

    def _action_masks(self) -> NDArray[np.bool_]:
        """Return which choices are legal now; see `FlatSpaces.masks`."""
        return self._flat.masks(self._last, ())

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reset the environment and return a flat observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._last = observation
        return self._flat.flatten(observation, ()), info

    def step(self, action: NDArray[Any]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Take one step with a flat action and return a flat observation."""
        parts = {name: part[0] for name, part in self._flat.unflatten(np.asarray(action)[None]).items()}
        observation, reward, terminated, truncated, info = self.env.step(parts)
        self._last = observation
        return self._flat.flatten(observation, ()), float(reward), terminated, truncated, info


class Sb3VecEnv(VecEnv):
    """VecEnv with flat spaces: `num_envs` episodes that are stepped together.

    It equals `DummyVecEnv` of as many `FlatView`, but has no loop over them. Wrap it in `VecMonitor` to log returns.

    spec: the environment's entry in Gymnasium's registry, if `make_sb3_env` has made it.
    """

    spec: EnvSpec | None = None

    def __init__(
        self,
        make_env: Callable[[], BatchedEnv],
        num_envs: int,
        *,
        grid: int = 7,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
    ) -> None:
        """Make the environments; `make_sb3_env` makes them by name.

        Args:
            make_env: makes a batched environment; it must be picklable if the VecEnv is to be pickled.
            num_envs: number of parallel episodes.
            grid: number of cells along each axis of the board of locations.
            render_mode: None or "rgb_array".
            max_episode_steps: number of steps after which episodes are truncated; None or -1 for no limit.
        """
        self._limit, self._elapsed = read_limit(max_episode_steps), np.zeros(num_envs, np.int64)
        self.lanes = Lanes(make_env, num_envs, render_mode)
        env = self.lanes.env
        self._flat = FlatSpaces(env.observation_space, env.action_space, grid)
        self._own: list[dict[str, Any]] = [{} for _ in range(num_envs)]  # attributes that were set for each lane
        self._action: Arrays = {}
        self._last: Arrays = {}
        if "legal" in env.observation_space.spaces:
            self.action_masks = self._action_masks
        self.render_mode = render_mode
        super().__init__(num_envs, self._flat.observation_space, self._flat.action_space)

    def reset(self) -> Arrays:
        """Begin an episode in each lane. Seeds and options that were set before are used once."""
        examples = [self._example(options) for options in self._options]
        self.lanes.seed(self._seeds, np.arange(self.num_envs), np.random.default_rng())
        observation = self.lanes.reset(example=np.array(examples))
        self.reset_infos = self._lane_infos(np.arange(self.num_envs))
        self._reset_seeds()
        self._reset_options()
        self._last, self._elapsed[:] = observation, 0
        return self._flat.flatten(observation, (self.num_envs,))

    def seed(self, seed: int | None = None) -> list[int | None]:
        """Give lane i the seed s + i for the next reset; without one, s is drawn. Raises SeedError if s is no seed."""
        if seed is not None and not is_seed(seed):
            raise SeedError(f"seed should be a natural number, got {seed!r}")
        return list(super().seed(None if seed is None else int(seed)))

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions (B, A) for the next step. Raises ValueError if one does not fit the action space."""
        self._action = self._flat.unflatten(actions)

    def step_wait(self) -> tuple[Arrays, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Act in all lanes, and begin new episodes where one has terminated or reached the limit of steps."""
        result = self.lanes.step(self._action)
        self._last = result.observation
        observation = self._flat.flatten(result.observation, (self.num_envs,))
        self._elapsed += 1
        limit = np.full(self.num_envs, False) if self._limit is None else self._elapsed >= self._limit
        infos: list[dict[str, Any]] = [
            {**info_of_lane(result.info, lane), "TimeLimit.truncated": bool(truncated)}
            for lane, truncated in enumerate(limit & ~result.terminated)
        ]
        over = limit | result.terminated
        ended = np.flatnonzero(over)
        if len(ended):
            for lane in ended:
                infos[lane]["terminal_observation"] = {name: array[lane] for name, array in observation.items()}
            self._last, self._elapsed[ended] = self.lanes.reset(ended), 0
            observation = self._flat.flatten(self._last, (self.num_envs,))
            for lane, info in zip(ended, self._lane_infos(ended), strict=True):
                self.reset_infos[lane] = info
        return observation, result.reward, over, infos

    def _lane_infos(self, lanes: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Return the `info` of some lanes."""
        info = self.lanes.info
        return [info_of_lane(info, lane) for lane in lanes.tolist()]

    def _action_masks(self) -> NDArray[np.bool_]:
        """Return which choices are legal now in each lane; see `FlatSpaces.masks`."""
        return self._flat.masks(self._last, (self.num_envs,))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Draw each lane; without a render mode each picture is None."""
        return self.lanes.frames() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return an attribute of some lanes: what was set for each, or else what all share."""
        return [
            self._own[lane][attr_name] if attr_name in self._own[lane] else getattr(self, attr_name)
            for lane in self._get_indices(indices)
        ]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of some lanes, which has no effect on their episodes; by default of all."""
        for lane in self._get_indices(indices):
            self._own[lane][attr_name] = value

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method for some lanes: `action_masks`, `render`, or one that reads or sets a wrapper's attribute.

        Raises:
            AttributeError: for any other method, since the lanes are no separate environments, or without masks.
        """
        methods: dict[str, Callable[..., Any]] = {
            "render": lambda lane: self.get_images()[lane],
            "get_wrapper_attr": lambda lane, name: self.get_attr(name, lane)[0],
            "has_wrapper_attr": lambda lane, name: name in self._own[lane] or hasattr(self, name),
            "set_wrapper_attr": lambda lane, name, value, force=True: self.set_attr(name, value, lane),
        }
        if hasattr(self, "action_masks"):
            methods["action_masks"] = lambda lane: self._action_masks()[lane]
        if method_name not in methods:
            known = ", ".join(sorted(methods))
            raise AttributeError(
                f"the lanes share one environment; none has a method {method_name!r}, but {known}; "
                "reset(), step() and close() are the VecEnv's own"
            )
        return [methods[method_name](lane, *method_args, **method_kwargs) for lane in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """Return False for each lane: no lane is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def _example(self, options: dict[str, Any]) -> int:
        """Return the example of one lane, or DRAWN."""
        unknown = sorted(repr(name) for name in options if name != "example")
        if unknown:
            raise ValueError(f"reset() knows the option 'example', got {', '.join(unknown)}")
        if "example" not in options:
            return DRAWN
        return int(choose_examples(options["example"], self.lanes.env.examples, 1)[0])


def make_sb3_env(
    environment: str, num_envs: int = 1, *, grid: int = 7, seed: int | None = None, **options: Any
) -> Sb3VecEnv:
    """Make an environment for Stable-Baselines3.

    Args:
        environment: name or Gymnasium id of the environment, such as "digits" or "glimpse/Digits-v0".
        num_envs: number of parallel episodes.
        grid: number of cells along each axis of the board of locations.
        seed: lane i has the stream of episodes of seed + i.
        **options: render_mode (None or "rgb_array"), max_episode_steps (episodes are truncated after so many steps),
            and arguments of `make_batched_env`: split, data_root, download, device and the environment's options.

    Raises:
        TypeError: if there is no such option.
        ValueError: if the environment is unknown, or an option is wrong.
        DataError: if the data cannot be loaded.
    """
    names = {key: name for name, known in ENVIRONMENTS.items() for key in (name, known.id)}
    if environment not in names:
        raise ValueError(f"environment should be one of {', '.join(ENVIRONMENTS)}, got {environment!r}")
    name = names[environment]
    own = {key: options.pop(key) for key in ("render_mode", "max_episode_steps") if key in options}
    env = Sb3VecEnv(partial(make_batched_env, name, **options), num_envs, grid=grid, **own)
    env.spec = gym.spec(ENVIRONMENTS[name].id)
    if seed is not None:
        env.seed(seed)
    return env
