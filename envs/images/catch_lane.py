"""One lane of Catch in NumPy."""

from typing import Self

import torch

from glimpse.envs.images.catch import Catch
from glimpse.envs.images.one_screen import OneScreen, one_screen
from glimpse.envs.images.picture_lane import Floats, PictureLane, clamped
from glimpse.envs.lane_random import mix_of_one
from glimpse.envs.single_lane import Arrays, LaneStep


class CatchLane(PictureLane):
    """One lane of `Catch`; see `SingleLane`."""

    env: Catch

    def __init__(self, env: Catch) -> None:
        """Take the environment's options and make the screen."""
        super().__init__(env)
        options = env.options
        self._whole, self._bottom, self._width = options.view == "whole", options.screen - 1, options.paddle
        self._room = options.screen - options.paddle
        self._screen = one_screen(env.retina.options, options.screen, options.paddle)

    @classmethod
    def of(cls, env: Catch) -> Self | None:
        """Return a lane; None if the retina's tables would be too large, or its sums not exact."""
        fits = env.glance_side is None and OneScreen.fits(env.retina.options, env.options.screen)
        return cls(env) if fits else None

    @property
    def label(self) -> int:
        """Column in which the ball lands."""
        return self._flight[4]

    def reset(self, example: int, key: int) -> Arrays:
        """Begin an episode; see `SingleLane`."""
        self._flight = self.env.flights.draw_one(mix_of_one(mix_of_one(key, self.env.stream), example))
        self._paddle = self.env.draw_paddle(example, key)
        self._ball: tuple[int, int] | None = self.env.flights.locate_one(self._flight, 0)
        return self._begin(self._initial_location.draw_one(key))

    def step(self, action: Arrays) -> LaneStep:
        """Move the paddle and take the next glimpse; see `Catch.step`."""
        self._time += 1
        self._paddle = min(max(self._paddle + int(action["move"]) - 1, 0), self._room)
        if not self._whole:
            self._location = clamped(action["look"])
        ball = self.env.flights.locate_one(self._flight, self._time)
        self._terminated = ball[1] == self._bottom
        caught = self._terminated and 0 <= ball[0] - self._paddle < self._width
        self._ball = None if caught else ball
        self._glimpse = self._look()
        return LaneStep(self._observe(), float(caught), self._terminated)

    def _look(self) -> Floats:
        return self._screen.look(self._ball, self._paddle, self._location)

    def store(self) -> None:
        """Write the episode into the environment; see `SingleLane`."""
        self.env._flight = torch.tensor([self._flight])
        self.env._paddle = torch.tensor([self._paddle])
        self._store()

    def load(self) -> None:
        """Continue the environment's episode; see `SingleLane`."""
        across, row, velocity, fall, landing = self.env._flight[0].tolist()
        self._flight, self._paddle = (across, row, velocity, fall, landing), int(self.env._paddle)
        self._load()
