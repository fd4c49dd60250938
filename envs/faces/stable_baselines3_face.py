"""The Stable-Baselines3 face of a batched core: a flat view of its spaces, and a VecEnv over its lanes.

Stable-Baselines3 takes no Dict of actions, and takes a Box of three axes for a picture of 36 x 36 bytes or
more. So in the flat view an action is a row of choices, and each observed array is one long vector.
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

from glimpse.envs import WORLDS
from glimpse.envs.lanes import DRAWN, Arrays, Core, Lanes, choose_examples, told
from glimpse.envs.make_batched import make_core

Indices = int | Iterable[int] | None


class FlatSpaces:
    """A world's Dict spaces made flat.

    Action: MultiDiscrete, first `grid` choices for each number of a Box, then two for each bit of a MultiBinary, then
    those of each MultiDiscrete, then each Discrete. For classification that is [column, row, answer], and stop where
    the task has it: the place looked at is the centre of a cell of a grid x grid board, column 0 leftmost and row 0
    topmost.
    Observation: the same Dict, with each Box made a vector.
    """

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], grid: int) -> None:
        """Flatten the spaces of one environment. Raises ValueError if that cannot be done."""
        if not isinstance(observation_space, spaces.Dict) or not isinstance(action_space, spaces.Dict):
            raise ValueError(f"Dict spaces are flattened, got {observation_space} and {action_space}")
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
        """An observation with leading axes `batch`, as the flat space."""
        return {
            name: observation[name].reshape(*batch, -1) if isinstance(part, spaces.Box) else observation[name]
            for name, part in self.observation_space.items()
        }

    def unflatten(self, action: NDArray[Any]) -> Arrays:
        """A flat action (B, A) as the parts that the core takes, each with a leading axis B.

        Raises:
            ValueError: if a choice is none.
        """
        chosen, limits = np.asarray(action), self.action_space.nvec
        fits = chosen.ndim == 2 and chosen.shape[1:] == limits.shape and chosen.dtype.kind in "iu"
        if not fits or np.any((chosen < 0) | (chosen >= limits)):
            raise ValueError(f"a flat action should be {len(limits)} whole numbers below {limits}, got {action}")
        parts, start = {}, 0
        for name, box in self._boxes.items():
            end = start + int(np.prod(box.shape))
            share = ((chosen[:, start:end] + 0.5) / self.grid).reshape(-1, *box.shape)
            parts[name] = (box.low + share * (box.high - box.low)).astype(box.dtype)
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
        """Which choices of each column are legal, end to end, as sb3-contrib's MaskablePPO asks: bool (*batch, ...).

        An observation `legal` speaks of the action `jump`; all other choices always are.
        """
        sizes = self.action_space.nvec.tolist()
        first_choice = len(sizes) - len(self._choices)
        columns = [np.ones((*batch, size), np.bool_) for size in sizes]
        columns[first_choice + list(self._choices).index("jump")] = np.asarray(observation["legal"], np.bool_)
        return np.concatenate(columns, -1)


class FlatView(gym.Wrapper[dict[str, Any], Any, dict[str, Any], Any], RecordConstructorArgs):
    """One environment with flat spaces: `FlatView(gym.make("glimpse/Digits-v0"))`. See `FlatSpaces`."""

    def __init__(self, env: gym.Env[dict[str, Any], Any], grid: int = 7) -> None:
        """Wrap an environment whose spaces are Dicts; `grid` is the number of cells along each axis."""
        RecordConstructorArgs.__init__(self, grid=grid)
        super().__init__(env)
        self._flat = FlatSpaces(env.observation_space, env.action_space, grid)
        self.observation_space, self.action_space = self._flat.observation_space, self._flat.action_space
        if "legal" in self.observation_space.spaces:
            self.action_masks = self._action_masks

    def _action_masks(self) -> NDArray[np.bool_]:
        """Which choices are legal now; see `FlatSpaces.masks`."""
        return self._flat.masks(self._last, ())

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As the environment's, with a flat observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._last = observation
        return self._flat.flatten(observation, ()), info

    def step(self, action: NDArray[Any]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """As the environment's, with a flat action and observation."""
        parts = {name: part[0] for name, part in self._flat.unflatten(np.asarray(action)[None]).items()}
        observation, reward, terminated, truncated, info = self.env.step(parts)
        self._last = observation
        return self._flat.flatten(observation, ()), float(reward), terminated, truncated, info


class WorldVecEnv(VecEnv):
    """A world with flat spaces, `num_envs` episodes side by side, stepped together.

    The same as `DummyVecEnv` of that many `FlatView`, without a loop over them. Wrap it in `VecMonitor` to
    have returns logged.

    spec: the world's entry in Gymnasium's registry, where it was made by name.
    """

    spec: EnvSpec | None = None

    def __init__(
        self, make_core: Callable[[], Core], num_envs: int, *, grid: int = 7, render_mode: str | None = None
    ) -> None:
        """Make worlds; `make_sb3_env` does so by name.

        Args:
            make_core: makes a core that has not begun; picklable where the worlds are to be.
            num_envs: how many episodes side by side.
            grid: cells along each axis of the places that can be looked at.
            render_mode: None or "rgb_array".
        """
        self.lanes = Lanes(make_core, num_envs, render_mode)
        core = self.lanes.core
        self._flat = FlatSpaces(core.observation_space, core.action_space, grid)
        self._action: Arrays = {}
        self._last: Arrays = {}
        if "legal" in core.observation_space.spaces:
            self.action_masks = self._action_masks
        self.render_mode = render_mode
        super().__init__(num_envs, self._flat.observation_space, self._flat.action_space)

    def reset(self) -> Arrays:
        """Begin an episode in each lane. Seeds and options that were set before count once."""
        examples = [self._example(options) for options in self._options]
        self.lanes.seed(self._seeds, np.arange(self.num_envs), np.random.default_rng())
        observation = self.lanes.begin(example=np.array(examples))
        self.reset_infos = [{"label": told(label)} for label in self.lanes.label]
        self._reset_seeds()
        self._reset_options()
        self._last = observation
        return self._flat.flatten(observation, (self.num_envs,))

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions (B, A) of the next step. Raises ValueError if one is none."""
        self._action = self._flat.unflatten(actions)

    def step_wait(self) -> tuple[Arrays, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Act in all lanes, and begin new episodes where they have ended."""
        turn = self.lanes.step(self._action)
        self._last = turn.observation
        observation = self._flat.flatten(turn.observation, (self.num_envs,))
        infos: list[dict[str, Any]] = [{"label": told(label), "TimeLimit.truncated": False} for label in turn.label]
        ended = np.flatnonzero(turn.over)
        if len(ended):
            for lane in ended:
                infos[lane]["terminal_observation"] = {name: array[lane] for name, array in observation.items()}
            self._last = self.lanes.begin(ended)
            observation = self._flat.flatten(self._last, (self.num_envs,))
            for lane, label in zip(ended, self.lanes.label[ended], strict=True):
                self.reset_infos[lane] = {"label": told(label)}
        return observation, turn.reward, turn.over, infos

    def _action_masks(self) -> NDArray[np.bool_]:
        """Which choices are legal now, in each lane; see `FlatSpaces.masks`."""
        return self._flat.masks(self._last, (self.num_envs,))

    def close(self) -> None:
        """Nothing is to be closed."""

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """A picture of each lane; None without a render mode."""
        return self.lanes.frames() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute, which all lanes share."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute for all lanes; it cannot be set for some of them."""
        if indices is not None:
            raise ValueError("the lanes share their attributes: set them without indices")
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """`action_masks`, where there are any; else AttributeError, since no lane is an environment of its own."""
        if method_name == "action_masks" and hasattr(self, method_name):
            masks = self._action_masks()
            return [masks[lane] for lane in self._get_indices(indices)]
        raise AttributeError(f"the lanes share one world; none has a method {method_name!r} of its own")

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """No lane is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def _example(self, options: dict[str, Any]) -> int:
        """What one lane is to show."""
        unknown = sorted(set(options) - {"example"})
        if unknown:
            raise ValueError(f"reset() knows the option 'example', got {unknown}")
        if "example" not in options:
            return DRAWN
        return int(choose_examples(options["example"], self.lanes.core.examples, 1)[0])


def make_sb3_env(
    world: str, num_envs: int = 1, *, grid: int = 7, seed: int | None = None, **options: Any
) -> WorldVecEnv:
    """Make a world for Stable-Baselines3.

    Args:
        world: its name or its Gymnasium id, such as "digits" or "glimpse/Digits-v0".
        num_envs: how many episodes side by side.
        grid: cells along each axis of the places that can be looked at.
        seed: lane i plays the stream of seed + i.
        **options: render_mode (None or "rgb_array"), and what `make_core` takes: split, data_root, download,
            device and the world's own options.

    Raises:
        ValueError: if there is no such world, or an option is unknown or wrong.
        DataError: if the data cannot be had.
    """
    names = {key: name for name, known in WORLDS.items() for key in (name, known.id)}
    if world not in names:
        raise ValueError(f"world should be one of {', '.join(WORLDS)}, got {world!r}")
    name, render_mode = names[world], options.pop("render_mode", None)
    env = WorldVecEnv(partial(make_core, name, **options), num_envs, grid=grid, render_mode=render_mode)
    env.spec = gym.spec(WORLDS[name].id)
    if seed is not None:
        env.seed(seed)
    return env
