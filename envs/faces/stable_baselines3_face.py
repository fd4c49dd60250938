"""Stable-Baselines3 interface of a batched environment: a flat view of its spaces, and a VecEnv.

Stable-Baselines3 does not accept Dict action spaces, and takes a Box of three axes for a picture of at least 36 x 36
bytes. So in the flat view an action is a vector of choices, and each observed array is one vector.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.envs.lanes import DRAWN, Arrays, Lanes, choose_examples, label_for_info
from glimpse.envs.make_batched import make_batched_env

Indices = int | Iterable[int] | None


class FlatSpaces:
    """Flat versions of an environment's Dict spaces, and conversions to and from them.

    Action: a MultiDiscrete of `grid` choices for each number of a Box, then two for each bit of a MultiBinary, then
    the choices of each MultiDiscrete, then those of each Discrete. For classification it is [column, row, answer], and
    stop where the task has it. The location is the centre of a cell of a grid x grid board; column 0 is leftmost and
    row 0 topmost.
    Observation: the same Dict, with each Box flattened to a vector.
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
        self.observation_space = spaces.Dict(
            {
                name: spaces.flatten_space(part) if isinstance(part, spaces.Box) else part
                for name, part in observation_space.items()
            }
        )

    def flatten(self, observation: Arrays, batch: tuple[int, ...]) -> Arrays:
        """Convert an observation with leading axes `batch` to the flat space."""
        return {
            name: observation[name].reshape(*batch, -1) if isinstance(part, spaces.Box) else observation[name]
            for name, part in self.observation_space.items()
        }

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
    ) -> None:
        """Make the environments; `make_sb3_env` makes them by name.

        Args:
            make_env: makes a batched environment; it must be picklable if the VecEnv is to be pickled.
            num_envs: number of parallel episodes.
            grid: number of cells along each axis of the board of locations.
            render_mode: None or "rgb_array".
        """
        self.lanes = Lanes(make_env, num_envs, render_mode)
        env = self.lanes.env
        self._flat = FlatSpaces(env.observation_space, env.action_space, grid)
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
        self.reset_infos = [{"label": label_for_info(label)} for label in self.lanes.label]
        self._reset_seeds()
        self._reset_options()
        self._last = observation
        return self._flat.flatten(observation, (self.num_envs,))

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions (B, A) for the next step. Raises ValueError if one does not fit the action space."""
        self._action = self._flat.unflatten(actions)

    def step_wait(self) -> tuple[Arrays, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Act in all lanes, and begin new episodes in lanes that have terminated."""
        result = self.lanes.step(self._action)
        self._last = result.observation
        observation = self._flat.flatten(result.observation, (self.num_envs,))
        infos: list[dict[str, Any]] = [
            {"label": label_for_info(label), "TimeLimit.truncated": False} for label in result.label
        ]
        ended = np.flatnonzero(result.terminated)
        if len(ended):
            for lane in ended:
                infos[lane]["terminal_observation"] = {name: array[lane] for name, array in observation.items()}
            self._last = self.lanes.reset(ended)
            observation = self._flat.flatten(self._last, (self.num_envs,))
            for lane, label in zip(ended, self.lanes.label[ended], strict=True):
                self.reset_infos[lane] = {"label": label_for_info(label)}
        return observation, result.reward, result.terminated, infos

    def _action_masks(self) -> NDArray[np.bool_]:
        """Return which choices are legal now in each lane; see `FlatSpaces.masks`."""
        return self._flat.masks(self._last, (self.num_envs,))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Draw each lane; without a render mode each picture is None."""
        return self.lanes.frames() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return an attribute, which all lanes share, once for each lane."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute for all lanes; it cannot be set for some of them."""
        if indices is not None:
            raise ValueError("the lanes share their attributes: set them without indices")
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call `action_masks` for some lanes.

        Raises:
            AttributeError: for any other method, since the lanes are no separate environments, or without masks.
        """
        if method_name == "action_masks" and hasattr(self, method_name):
            masks = self._action_masks()
            return [masks[lane] for lane in self._get_indices(indices)]
        raise AttributeError(f"the lanes share one environment; none has a method {method_name!r}")

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """Return False for each lane: no lane is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def _example(self, options: dict[str, Any]) -> int:
        """Return the example of one lane, or DRAWN."""
        unknown = sorted(set(options) - {"example"})
        if unknown:
            raise ValueError(f"reset() knows the option 'example', got {unknown}")
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
        **options: render_mode (None or "rgb_array"), and arguments of `make_batched_env`: split, data_root, download,
            device and the environment's options.

    Raises:
        ValueError: if the environment is unknown, or an option is unknown or wrong.
        DataError: if the data cannot be loaded.
    """
    names = {key: name for name, known in ENVIRONMENTS.items() for key in (name, known.id)}
    if environment not in names:
        raise ValueError(f"environment should be one of {', '.join(ENVIRONMENTS)}, got {environment!r}")
    name, render_mode = names[environment], options.pop("render_mode", None)
    env = Sb3VecEnv(partial(make_batched_env, name, **options), num_envs, grid=grid, render_mode=render_mode)
    env.spec = gym.spec(ENVIRONMENTS[name].id)
    if seed is not None:
        env.seed(seed)
    return env
