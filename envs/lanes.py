"""Lanes: B episodes side by side in a batched core, each with its own random stream, NumPy in and out.

What the Gymnasium and Stable-Baselines3 faces share. Nothing here knows what a core shows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeGuard, runtime_checkable

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.logger import warn
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import mix

Arrays = dict[str, NDArray[Any]]
DRAWN = -1  # In place of an example's number: draw one.


class CoreStep(Protocol):
    """What a core's step gives back; see `glimpse.envs.images.classification.Step`."""

    @property
    def observation(self) -> dict[str, Tensor]:
        """As the core's space, with a leading axis B."""

    @property
    def reward(self) -> Tensor:
        """(B,) float32."""

    @property
    def terminated(self) -> Tensor:
        """(B,) bool: the episode is over, now or before."""


class Core(Protocol):
    """A task as a batched core: tensors in and out. `glimpse.envs.images.classification.Classification` is one.

    Its spaces are those of one lane. Of what it returns it never changes a tensor in place.
    """

    observation_space: spaces.Dict
    action_space: spaces.Dict
    device: torch.device

    @property
    def examples(self) -> int:
        """Number of examples N that an episode can be about."""

    @property
    def label(self) -> Tensor:
        """The right answer in each lane: (B,) int64; or (B, M), where it is made of several numbers."""

    def draw_example(self, key: Tensor) -> Tensor:
        """An example for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> dict[str, Tensor]:
        """Begin M = `copies` episodes on each of E examples, (E,) int64 both: B = E * M lanes, e * M + m for copy m."""

    def restart(self, lanes: Tensor, example: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Begin new episodes in some lanes, (R,) int64 all three, leaving the others as they are."""

    def step(self, action: dict[str, Tensor]) -> CoreStep:
        """Act in all lanes; where the episode is over nothing happens and the reward is 0."""

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """A picture (height, width, 3) of a lane, given the observations of its episode so far."""


@runtime_checkable
class Teaching(Protocol):
    """A core that shows more than an episode begins with to who learns from right answers and plays nothing."""

    def lesson(self) -> dict[str, Tensor]:
        """What the episodes that have begun are about, (B, ...), as the core's space."""


class JudgedCore(Core, Protocol):
    """A core whose episodes can be judged: what evaluation asks of it besides.

    classes: what can be answered; none in a world that asks for moves alone.
    answers: how many classes an episode asks for, one after the other at equal distances; the label holds them as
        the digits of a number in base N, the first one foremost. 0 in a world that asks for moves alone.
    """

    classes: tuple[str, ...]
    answers: int

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Whether the answer would be wrong if it were given after each step.

        Args:
            belief: (T, ..., N), probabilities of the N classes.
            label: (...,) int64.

        Returns:
            (T, ...) bool.
        """


class VisualCore(JudgedCore, Protocol):
    """A core that shows pictures through a retina: what reports ask of it besides."""

    retina: Retina

    def picture(self) -> Tensor:
        """What is shown in each lane, whole: (B, C, H, W) uint8. For drawing; no agent sees it."""


def shows_pictures(core: Core) -> TypeGuard[VisualCore]:
    """Whether a core shows pictures through a retina, and not a text."""
    return hasattr(core, "retina")


class Turn(NamedTuple):
    """What a step gives back.

    observation: as the core's space, with a leading axis B.
    reward: (B,) float32.
    over: (B,) bool: the lane's episode has ended, now or before.
    label: (B,) int64, or (B, M).
    """

    observation: Arrays
    reward: NDArray[np.float32]
    over: NDArray[np.bool_]
    label: NDArray[np.int64]


def told(label: NDArray[np.int64]) -> int | NDArray[np.int64]:
    """A lane's label as `info` tells it: a number, or an array of several."""
    return int(label) if label.ndim == 0 else label


def choose_examples(given: Any, examples: int, lanes: int) -> NDArray[np.int64]:
    """What lanes are to show, as a user wrote it: one number for all of them, or one for each.

    Returns:
        (B,) int64 in [0, examples).

    Raises:
        ValueError: if it is something else.
    """
    chosen = np.asarray(given)
    whole, fits = chosen.dtype.kind in "iu", chosen.shape in ((), (lanes,))
    if not (whole and fits and np.all((chosen >= 0) & (chosen < examples))):
        each = f", or {lanes} of them" if lanes > 1 else ""
        raise ValueError(f"options['example'] should be a whole number from 0 to {examples - 1}{each}, got {given!r}")
    return np.broadcast_to(chosen, lanes).astype(np.int64)


class Lanes:
    """B lanes of a core.

    Episode number c of a lane follows from the key mix(lane's seed, c) alone, so a lane does not depend on
    how many others there are. Arrays that are returned are new each time. Pickling keeps the episodes that
    are being played, and leaves out what `make_core` provides again, such as the data.
    """

    def __init__(self, make_core: Callable[[], Core], count: int, render_mode: str | None = None) -> None:
        """Make lanes that have no seed and no episode yet.

        Args:
            make_core: makes the core; picklable where the lanes are to be.
            count: number of lanes B.
            render_mode: "rgb_array" to keep what each lane has seen, for `frames`; or None.

        Raises:
            ValueError: if there is no such render mode, or no lane.
        """
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode should be None or 'rgb_array', got {render_mode!r}")
        if count < 1:
            raise ValueError(f"num_envs should be at least 1, got {count}")
        self.core = make_core()
        self.count = count
        self.begun = False
        self._make_core = make_core
        self._seeds: NDArray[np.int64] = np.zeros(count, np.int64)
        self._seeded = np.zeros(count, bool)
        self._episodes: NDArray[np.int64] = np.zeros(count, np.int64)
        self._seen: list[list[Arrays]] | None = [[] for _ in range(count)] if render_mode else None

    def seed(self, seeds: Sequence[int | None], lanes: NDArray[np.intp], generator: np.random.Generator) -> None:
        """Give some lanes a seed and begin to count their episodes anew.

        Args:
            seeds: one for each of all B lanes; where it is None a lane keeps its seed and its count.
            lanes: (R,) which lanes.
            generator: draws a seed for the lanes that have none yet.
        """
        for lane in lanes:
            seed = seeds[lane]
            if seed is None and not self._seeded[lane]:
                seed = int(generator.integers(2**63))
            if seed is not None:
                # Seeds may be any natural number; a lane's stream has 64 bits.
                self._seeds[lane], self._episodes[lane], self._seeded[lane] = seed % 2**63, 0, True

    def begin(self, lanes: NDArray[np.intp] | None = None, example: NDArray[np.int64] | None = None) -> Arrays:
        """Begin the next episode of some lanes (by default all), and no other lane is touched.

        Args:
            lanes: (R,) which lanes.
            example: (B,) what each lane is to show, DRAWN where that is to be drawn.

        Returns:
            The observation of all B lanes.
        """
        chosen = np.arange(self.count) if lanes is None else lanes
        key = mix(self._tensor(self._seeds[chosen]), self._tensor(self._episodes[chosen]))
        self._episodes[chosen] += 1
        shown = self.core.draw_example(key)
        if example is not None:
            wanted = self._tensor(example[chosen])
            shown = torch.where(wanted == DRAWN, shown, wanted)
        if lanes is None:
            observation = self._arrays(self.core.begin(shown, key))
            self.begun = True
        else:
            observation = self._arrays(self.core.restart(self._tensor(lanes), shown, key))
        self._remember(observation, chosen)
        return observation

    def step(self, action: Arrays) -> Turn:
        """Act in all lanes.

        Args:
            action: as the core's space, with a leading axis B; see `glimpse.envs.actions.check_action`.

        Raises:
            ResetNeeded: if no episode has begun.
        """
        if not self.begun:
            raise ResetNeeded("no episode is being played: call reset() first")
        step = self.core.step({name: self._tensor(array) for name, array in action.items()})
        observation = self._arrays(step.observation)
        self._remember(observation)
        return Turn(observation, step.reward.numpy(force=True), step.terminated.numpy(force=True).copy(), self.label)

    @property
    def label(self) -> NDArray[np.int64]:
        """The right answer in each lane: (B,) int64, or (B, M)."""
        return self.core.label.numpy(force=True).copy()

    def frames(self) -> tuple[NDArray[np.uint8], ...] | None:
        """A picture (height, width, 3) of each lane; None, with a warning, without a render mode.

        Raises:
            ResetNeeded: if no episode has begun.
        """
        if self._seen is None:
            warn("nothing is rendered without a render mode: make the environment with render_mode='rgb_array'")
            return None
        if not self.begun:
            raise ResetNeeded("no episode is being played: call reset() first")
        return tuple(self.core.frame(lane, seen) for lane, seen in enumerate(self._seen))

    def _remember(self, observation: Arrays, begun: NDArray[np.intp] | None = None) -> None:
        """Add an observation to what the lanes have seen, or begin with it in the lanes that have begun."""
        if self._seen is None:
            return
        for lane in range(self.count) if begun is None else begun:
            if begun is not None:
                self._seen[lane] = []
            self._seen[lane].append({name: array[lane].copy() for name, array in observation.items()})

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.as_tensor(array, device=self.core.device)

    def _arrays(self, observation: dict[str, Tensor]) -> Arrays:
        """New arrays of the spaces' types: who keeps or changes them changes nothing here."""
        return {
            name: np.array(observation[name].numpy(force=True), dtype=space.dtype)
            for name, space in self.core.observation_space.items()
        }

    def state(self) -> dict[str, Any]:
        """The episodes that are being played, for `restore`: tensors and numbers only, as checkpoints keep them."""
        counts = {name: torch.from_numpy(getattr(self, name)) for name in ("_seeds", "_seeded", "_episodes")}
        plain = (Tensor, int, float)
        return {**counts, "core": {name: value for name, value in self._played().items() if isinstance(value, plain)}}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the episodes of `state`; what was seen of them before is not kept for `frames`."""
        self._seeds, self._seeded, self._episodes = (state[name].numpy() for name in ("_seeds", "_seeded", "_episodes"))
        for name, value in state["core"].items():
            setattr(self.core, name, value.to(self.core.device) if isinstance(value, Tensor) else value)
        self.begun = True

    def _played(self) -> dict[str, Any]:
        """What sets the core apart from one that has not begun."""
        resting = vars(self._make_core())
        return {name: value for name, value in vars(self.core).items() if value is not resting.get(name)}

    def __getstate__(self) -> dict[str, Any]:
        """Everything, but of the core only what has been played."""
        return {**vars(self), "core": self._played()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the core again and take up the episodes."""
        core = state["_make_core"]()
        vars(core).update(state["core"])
        vars(self).update({**state, "core": core})
