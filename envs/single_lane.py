"""Interface of one lane in NumPy: what an environment offers so that one episode is played without tensors.

A step of a batch costs about as much for one lane as for a hundred, since each tensor operation has a price of its own.
"""

from pkgutil import resolve_name
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from glimpse.envs.core import BatchedEnv, has_lane_info

Arrays = dict[str, NDArray[Any]]


class LaneStep(NamedTuple):
    """Result of a step of one lane.

    observation: arrays of the observation space, new ones, which the caller may change.
    reward: a number that float32 has.
    terminated: whether the episode has ended.
    """

    observation: Arrays
    reward: float
    terminated: bool


class SingleLane(Protocol):
    """Protocol of one lane of an environment. It equals a batch of one, to the bit.

    Its class has `of(env)`, which returns a lane, or None where the environment's options have none.
    """

    @property
    def label(self) -> int | float | NDArray[Any]:
        """Right answer of the episode, as `info` has it; a new array where it is one."""

    def draw_example(self, key: int) -> int:
        """Draw an example for an episode's key, as the environment's `draw_example`."""

    def reset(self, example: int, key: int) -> Arrays:
        """Begin an episode and return its first observation.

        Args:
            example: in [0, N).
            key: seed of the episode's random numbers, of int64.
        """

    def step(self, action: Arrays) -> LaneStep:
        """Act in an episode that has not terminated, with arrays that fit the action space."""

    def store(self) -> None:
        """Write the episode into the environment's own attributes, as its `reset` and `step` would have left them."""

    def load(self) -> None:
        """Continue the episode in the environment's attributes."""


def single_lane_of(env: BatchedEnv) -> SingleLane | None:
    """Return an environment's lane in NumPy; None if it has none, or none with its options or on its device.

    The class of the environment names the class of the lane, as `module:class`, in `single_lane`. A subclass does not
    inherit it, since its steps may be others.
    """
    named = vars(type(env)).get("single_lane")
    if named is None or env.device.type != "cpu" or has_lane_info(env):
        return None
    lane: SingleLane | None = resolve_name(named).of(env)
    return lane
