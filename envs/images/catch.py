"""Catch as a batched core: a ball falls, a paddle moves under it, and both are seen through glimpses alone.

Mnih et al. (2014), section 4.2. Axes: B lanes, K scales, P patch side, S side of the screen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.errors import DataError
from glimpse.envs.images.classification import Action, Observation, Step
from glimpse.envs.images.flights import Flights
from glimpse.envs.images.initial_location import FirstPlace, draw_example
from glimpse.envs.images.lit_pixels import LitPixels
from glimpse.envs.images.render import draw_glimpses
from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import mix
from glimpse.envs.options import AugmentOptions, CatchOptions, RetinaOptions

_SPLIT = 62
_EXAMPLES = 10_000
_SPLITS = ("train", "validation", "test")
_TRAIL = 96  # The grey of the ball's past places.


class Catch:
    """Move a paddle under a falling ball, seeing only what the retina is turned to.

    A screen of S x S pixels is dark but for the ball, one pixel, and the paddle in the bottom row. The ball begins in
    any column of one of the top `start_rows` rows and falls `ball_speed` rows a step while it moves sideways at a
    speed of its own; at the side walls it bounces.

    Observation: `glimpse` (K, 1, P, P) in [0, 1], or the whole screen (1, 1, S, S) with `view: whole`; `location`
    (2,), the place (x, y) in [-1, 1] that it was taken at, the centre with `view: whole`; `time`, the number of moves
    made so far, 0 to T.
    Action: `look` (2,), the next place (clamped to [-1, 1]); `move`, 0 to the left, 1 to stay, 2 to the right.
    Reward: 1 at the end if the paddle is under the ball, else 0.
    Start: the paddle is in the middle; the first glimpse falls where `first_place` says. End: when the ball has come
    down to the bottom row. Episodes differ in length; T is the longest.

    A ball follows from the episode's key, the example's number and the split. The label is the column in which it
    comes down.

    Version 0.
    """

    classes: tuple[str, ...] = ()
    answers = 0

    def __init__(
        self,
        options: CatchOptions,
        data: str,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Prepare flights and sight.

        Args:
            options: the task.
            data: which split, as `load_data` gave it.
            device: where all tensors live.
            augment: none, or an inactive one.

        Raises:
            ValueError: if images are to be warped.
        """
        if augment is not None and augment.active:
            raise ValueError("catch shows no images of a data set that train.augment could warp")
        self.options, self.device = options, torch.device(device)
        self._split, side = _SPLITS.index(data), options.screen
        self._whole = options.view == "whole"
        # The whole screen is what a patch of its size shows from the centre.
        retina = RetinaOptions(patch=side) if self._whole else options.retina
        self.retina = Retina(retina, side, side, device=self.device)
        self._lit = LitPixels(retina, side, device=self.device)
        self._first_place = FirstPlace("centre" if self._whole else options.first_place, device=self.device)
        self._room = side - options.paddle  # The paddle's rightmost place.
        self._beside = torch.arange(options.paddle, device=self.device)
        self._bottom = torch.full_like(self._beside, side - 1)
        self._flights = Flights(options, device=self.device)
        self.observation_space = self._make_observation_space(retina)
        self.action_space = spaces.Dict({"look": spaces.Box(-1.0, 1.0, (2,), np.float32), "move": spaces.Discrete(3)})

    @staticmethod
    def load_data(
        options: CatchOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
    ) -> str:
        """There are no data but the split's name. Raises DataError if it is none."""
        if split not in _SPLITS:
            raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
        return split

    def _make_observation_space(self, retina: RetinaOptions) -> spaces.Dict:
        return spaces.Dict(
            {
                "glimpse": spaces.Box(0.0, 1.0, (retina.scales, 1, retina.patch, retina.patch), np.float32),
                "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
                "time": spaces.Discrete(self.options.steps + 1),
            }
        )

    @property
    def examples(self) -> int:
        """Number of examples N of a split."""
        return _EXAMPLES

    @property
    def label(self) -> Tensor:
        """The column in which the ball comes down, in each lane: (B,) int64 in [0, S)."""
        return self._flight[:, 4]

    def draw_example(self, key: Tensor) -> Tensor:
        """A uniformly drawn example for each episode's key: (B,) int64 -> (B,) int64 in [0, N)."""
        return draw_example(key, self.examples)

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes.

        Args:
            example: (E,) int64 in [0, N).
            key: (E,) int64; with the example it decides the ball, with the copy's number the first place.
            copies: episodes M played with each ball; lane e * M + m is the m-th copy of example e.

        Returns:
            The first observation, with a leading axis B.
        """
        lane = torch.arange(len(example) * copies, device=self.device)
        self._flight = self._throw(example, key).repeat_interleave(copies, 0)
        self._paddle = torch.full_like(lane, self._room // 2)
        self._time = torch.zeros_like(lane)
        self._over = torch.zeros_like(lane, dtype=torch.bool)
        self._location = self._first_place.draw(key.repeat_interleave(copies), lane % copies)
        column, row = self._flights.place(self._flight, self._time)
        self._glimpse = self._look(column, row, self._paddle, self._location)
        return self._observe()

    def restart(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes (after `begin` with one copy), leaving the others as they are.

        Args:
            lanes: (R,) int64, which lanes.
            example: (R,) int64.
            key: (R,) int64.

        Returns:
            The observation of all B lanes.
        """
        flight, place, time = self._throw(example, key), self._first_place.draw(key, 0), torch.zeros_like(lanes)
        self._flight = self._flight.index_copy(0, lanes, flight)
        self._paddle = self._paddle.index_fill(0, lanes, self._room // 2)
        self._time = self._time.index_fill(0, lanes, 0)
        self._over = self._over.index_fill(0, lanes, False)
        self._location = self._location.index_copy(0, lanes, place)
        column, row = self._flights.place(flight, time)
        glimpse = self._look(column, row, time + self._room // 2, place)
        self._glimpse = self._glimpse.index_copy(0, lanes, glimpse)
        return self._observe()

    def step(self, action: Action) -> Step:
        """Move, and look again.

        Args:
            action: `look` (B, 2) float, `move` (B,) int64 in [0, 3).

        Returns:
            The step. In lanes whose episode is over nothing changes and the reward is 0.
        """
        playing = ~self._over
        self._time = self._time + playing
        self._paddle = (self._paddle + (action["move"] - 1) * playing).clamp_(0, self._room)
        if not self._whole:
            look = action["look"].float().nan_to_num(0.0).clamp_(-1, 1)
            self._location = torch.where(playing[:, None], look, self._location)
        column, row = self._flights.place(self._flight, self._time)
        self._over = row == self.options.screen - 1
        beside = column - self._paddle
        caught = self._over & (beside >= 0) & (beside < self.options.paddle)
        # A ball that lies on the paddle lights no pixel of its own.
        visible = torch.add(row, caught, alpha=self._lit.nowhere)
        self._glimpse = self._look(column, visible, self._paddle, self._location)
        return Step(self._observe(), (caught & playing).float(), self._over, self.label)

    def wrong(self, belief: Tensor, label: Tensor) -> Tensor:
        """Nothing is answered here: raises ValueError. What counts is the reward."""
        raise ValueError("catch asks for moves and not for an answer: judge it by the reward")

    def picture(self) -> Tensor:
        """The screen of each lane, whole: (B, 1, S, S) uint8, with the ball's past places in grey. For drawing."""
        return self._draw(slice(None))

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw a lane as an RGB picture: the screen, the path so far, and what the last glimpse showed.

        Args:
            lane: which one.
            seen: the observations of its episode so far, without the lane's axis.

        Returns:
            (height, width, 3) uint8, of the same size at each step.
        """
        places = np.stack([observation["location"] for observation in seen])
        picture = self._draw(slice(lane, lane + 1))[0].numpy(force=True)
        return np.asarray(draw_glimpses(picture, places, self.retina.options, seen[-1]["glimpse"]))

    def _draw(self, lanes: slice) -> Tensor:
        """Some lanes' pictures."""
        flight, paddle, now = self._flight[lanes], self._paddle[lanes], self._time[lanes]
        lane, side = torch.arange(len(now), device=self.device), self.options.screen
        screen = torch.zeros(len(now), 1, side, side, dtype=torch.uint8, device=self.device)
        for time in range(self.options.steps + 1):
            column, row = self._flights.place(flight, now.clamp(max=time))  # Later than now is now.
            screen[lane, 0, row, column] = torch.where(now > time, _TRAIL, 255).to(torch.uint8)
        for pixel in range(self.options.paddle):
            screen[lane, 0, -1, paddle + pixel] = 255
        return screen

    def _throw(self, example: Tensor, key: Tensor) -> Tensor:
        """New balls: (R,) int64 both -> flights (R, 5)."""
        return self._flights.draw(mix(mix(key, _SPLIT + self._split), example))

    def _look(self, column: Tensor, row: Tensor, paddle: Tensor, location: Tensor) -> Tensor:
        """What the retina sees of a ball and a paddle: (B, K, 1, P, P)."""
        columns = torch.cat([column[:, None], paddle[:, None] + self._beside], 1)
        rows = torch.cat([row[:, None], self._bottom.expand(len(row), -1)], 1)
        return self._lit.look(torch.stack([columns, rows], 1), location)

    def _observe(self) -> Observation:
        return {"glimpse": self._glimpse, "location": self._location, "time": self._time}
