"""Catch as a batched environment: a ball falls, a paddle moves under it, and the agent sees only glimpses.

Mnih et al. (2014), section 4.2. Axes: B lanes, K scales, P patch side, S side of the screen.
"""

from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from glimpse.envs.core import Action, StepResult
from glimpse.envs.errors import DataError
from glimpse.envs.images.catch_options import CatchOptions
from glimpse.envs.images.flights import Flights
from glimpse.envs.images.initial_location import InitialLocation
from glimpse.envs.images.lit_pixels import LitPixels
from glimpse.envs.images.options import RetinaOptions
from glimpse.envs.images.picture_env import PictureEnv
from glimpse.envs.images.retina import Retina
from glimpse.envs.lane_random import integer_of_one, integers, is_small, mix, mix_of_one

_SPLIT = 62
_EXAMPLES = 10_000
_SPLITS = ("train", "validation", "test")
_FEW = 8
_PADDLE = 63
_TRAIL = 96  # Grey value of the ball's past pixels.


class Catch(PictureEnv):
    """Catch: move a paddle under a falling ball that is seen through glimpses only.

    The screen has S x S dark pixels, but for the ball, which is one pixel, and the paddle in the bottom row. The ball
    begins in any column of one of the top `start_rows` rows. It falls `ball_speed` rows a step, moves sideways at a
    random constant speed, and bounces off the side walls.

    Observation: `glimpse` (K, 1, P, P) in [0, 1], or the whole screen (1, 1, S, S) with `view: whole`; `location`
    (2,), where it was taken, (x, y) in [-1, 1], and the centre with `view: whole`; `time`, the number of moves so far,
    0 to T; with `glance: G` also `glance` (1, G, G), the first screen in coarse pixels, the same at each step.
    Action: `look` (2,), the next location (clamped to [-1, 1]); `move`, 0 left, 1 stay, 2 right.
    Reward: 1 at the end if the paddle is under the ball, else 0.
    Start: the paddle is in the middle, or anywhere with `paddle_start: random`; the first glimpse is at
    `initial_location`. End: when the ball reaches the bottom row. Episodes differ in length; the longest has T steps.

    flights: generator of the balls' flights.
    stream: number that tells the splits' random streams apart.

    The ball depends on the episode's key, the example's number and the split. The label is the column in which it
    lands.

    Version 0.
    """

    classes: tuple[str, ...] = ()
    answers = 0
    repeats_last_glimpse = False
    single_lane = "glimpse.envs.images.catch_lane:CatchLane"

    def __init__(self, options: CatchOptions, data: str, *, device: torch.device | str = "cpu") -> None:
        """Prepare the flights and the retina.

        Args:
            options: the task.
            data: name of the split, from `load_data`.
            device: device of all tensors.
        """
        self.options, self.device = options, torch.device(device)
        self._split, side = _SPLITS.index(data), options.screen
        self.stream = _SPLIT + self._split
        self._whole = options.view == "whole"
        # A patch of the screen's size at the centre shows the whole screen.
        retina = RetinaOptions(patch=side) if self._whole else options.retina
        self.retina = Retina(retina, side, side, device=self.device)
        self._lit = LitPixels(retina, side, device=self.device)
        self._initial_location = InitialLocation(
            "centre" if self._whole else options.initial_location, glimpses=options.steps, device=self.device
        )
        self._room = side - options.paddle  # The paddle's rightmost column.
        self._beside = torch.arange(options.paddle, device=self.device)
        self._bottom = torch.full_like(self._beside, side - 1)
        self.flights = Flights(options, device=self.device)
        self.glance_side = options.glance
        self.observation_space = self._seen_spaces(1, options.steps)
        self.action_space = spaces.Dict({"look": spaces.Box(-1.0, 1.0, (2,), np.float32), "move": spaces.Discrete(3)})

    @staticmethod
    def load_data(
        options: CatchOptions,
        split: Literal["train", "validation", "test"],
        *,
        root: str | None = None,
        download: bool = True,
    ) -> str:
        """Return the name of the split, which stands for the data. Raises DataError if it is unknown."""
        if split not in _SPLITS:
            raise DataError(f"split must be 'train', 'validation' or 'test', got {split!r}")
        return split

    def shown_examples(self) -> Any:
        """Return the split and the options of the game, but not of what is observed of it."""
        game = ("screen", "paddle", "ball_speed", "sideways", "start_rows")
        # The digest of games that begin in the middle is that of before there was a choice.
        random = {"paddle_start": "random"} if self.options.paddle_start == "random" else {}
        return self._split, {name: getattr(self.options, name) for name in game} | random, self.examples

    @property
    def examples(self) -> int:
        """Number of examples N of a split."""
        return _EXAMPLES

    @property
    def label(self) -> Tensor:
        """Column in which the ball of each lane lands: (B,) int64 in [0, S)."""
        return self._flight[:, 4]

    def _show(self, example: Tensor, key: Tensor, copies: int) -> None:
        self._flight = self._draw_flights(example, key).repeat_interleave(copies, 0)
        self._paddle = self._draw_paddles(example, key).repeat_interleave(copies, 0)

    def _show_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> None:
        self._flight = self._flight.index_copy(0, lanes, self._draw_flights(example, key))
        self._paddle = self._paddle.index_copy(0, lanes, self._draw_paddles(example, key))

    def _look(self, lanes: Tensor | None, location: Tensor) -> Tensor:
        chosen = slice(None) if lanes is None else lanes
        column, row = self.flights.locate(self._flight[chosen], self._time[chosen])
        return self._look_at(column, row, self._paddle[chosen], location)

    def step(self, action: Action) -> StepResult:
        """Move the paddle and take the next glimpse.

        Args:
            action: `look` (B, 2) float, `move` (B,) int64 in [0, 3).

        Returns:
            The result. In terminated lanes nothing changes and the reward is 0.
        """
        # Move the paddle and the location of the lanes whose episodes run.
        playing = ~self._terminated
        self._time = self._time + playing
        self._paddle = (self._paddle + (action["move"] - 1) * playing).clamp_(0, self._room)
        if not self._whole:
            look = action["look"].float().nan_to_num(0.0).clamp_(-1, 1)
            self._location = torch.where(playing[:, None], look, self._location)
        # End the episodes whose ball has reached the bottom row.
        column, row = self.flights.locate(self._flight, self._time)
        self._terminated = row == self.options.screen - 1
        beside = column - self._paddle
        caught = self._terminated & (beside >= 0) & (beside < self.options.paddle)
        # Take the next glimpse. A caught ball lies on a pixel that the paddle already lights.
        visible = torch.add(row, caught, alpha=self._lit.nowhere)
        self._glimpse = self._look_at(column, visible, self._paddle, self._location)
        return StepResult(self._observe(), (caught & playing).float(), self._terminated, self.label)

    def picture(self) -> Tensor:
        """Draw the screen of each lane, (B, 1, S, S) uint8, with past pixels of the ball in grey; no agent sees it."""
        return self._draw(slice(None))

    def _lane_picture(self, lane: int) -> Tensor:
        return self._draw(slice(lane, lane + 1))[0]

    def _lane_pictures(self, lanes: Tensor) -> Tensor:
        return self._draw(lanes)

    def _draw(self, lanes: slice | Tensor) -> Tensor:
        """Draw the screens of some lanes."""
        flight, paddle, now = self._flight[lanes], self._paddle[lanes], self._time[lanes]
        lane, side = torch.arange(len(now), device=self.device), self.options.screen
        screen = torch.zeros(len(now), 1, side, side, dtype=torch.uint8, device=self.device)
        for time in range(self.options.steps + 1):
            column, row = self.flights.locate(flight, now.clamp(max=time))  # Times after now are drawn as now.
            screen[lane, 0, row, column] = torch.where(now > time, _TRAIL, 255).to(torch.uint8)
        for pixel in range(self.options.paddle):
            screen[lane, 0, -1, paddle + pixel] = 255
        return screen

    def _draw_flights(self, example: Tensor, key: Tensor) -> Tensor:
        """Draw the flights of new balls: (R,) int64 both -> (R, 5) int64."""
        if is_small(key) and len(key) <= _FEW:  # Python is faster than tensors for a few numbers.
            pairs = zip(key.tolist(), example.tolist(), strict=True)
            flights = [self.flights.draw_one(mix_of_one(mix_of_one(one, self.stream), shown)) for one, shown in pairs]
            return torch.tensor(flights).view(-1, 5)
        return self.flights.draw(mix(mix(key, self.stream), example))

    def _draw_paddles(self, example: Tensor, key: Tensor) -> Tensor:
        """Return the leftmost columns in which paddles begin: (R,) int64 both -> (R,) int64."""
        if self.options.paddle_start == "middle":
            return torch.zeros_like(example) + self._room // 2
        return integers(mix(mix(mix(key, self.stream), example), _PADDLE), 1, self._room + 1)[:, 0]

    def draw_paddle(self, example: int, key: int) -> int:
        """Return the column that `_draw_paddles` draws for one episode."""
        if self.options.paddle_start == "middle":
            return self._room // 2
        own = mix_of_one(mix_of_one(mix_of_one(key, self.stream), example), _PADDLE)
        return integer_of_one(own, self._room + 1)

    def _look_at(self, column: Tensor, row: Tensor, paddle: Tensor, location: Tensor) -> Tensor:
        """Return the glimpses of a ball and a paddle: (B, K, 1, P, P)."""
        columns = torch.cat([column[:, None], paddle[:, None] + self._beside], 1)
        rows = torch.cat([row[:, None], self._bottom.expand(len(row), -1)], 1)
        return self._lit.look(torch.stack([columns, rows], 1), location)
