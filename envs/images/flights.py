"""Flights of balls that fall down a square screen and bounce off its side walls.

Coordinates and velocities are whole numbers of sub-pixels, so that they are the same on every device.
"""

import torch
from torch import Tensor

from glimpse.envs.images.catch_options import SUBPIXEL_BITS, SUBPIXELS, CatchOptions
from glimpse.envs.lane_random import integer_of_one, integers, mix, mix_of_one

_BALL = 61
Flight = tuple[int, int, int, int, int]


class Flights:
    """Generator of flights, which also computes the pixel of a ball at each time.

    A flight is 5 numbers, int64: the start (x, y) and the velocity (x, y) in sub-pixels, and the column in which the
    ball lands. x is 0 in column 0 and grows to the right; the ball is drawn in the nearest column, and in the last row
    that it has reached.
    """

    def __init__(self, options: CatchOptions, *, device: torch.device | str = "cpu") -> None:
        """Compute the constants of the screen and of the random draws."""
        self._fall, self._end = options.fall, (options.screen - 1) * SUBPIXELS
        fastest = round(options.sideways * SUBPIXELS)
        self._fastest, self._first_rows = fastest, options.first_rows
        # These stay on the device, since new copies would make the host wait. The numbers drawn for a ball are its
        # column in sub-pixels, its speed sideways, and its row.
        self._limits = torch.tensor([self._end + 1, 2 * fastest + 1, options.first_rows], device=device)
        self._least = torch.tensor([0, -fastest, 0], device=device)
        self._units = torch.tensor([1, 1, SUBPIXELS], device=device)
        self._rounding = torch.tensor([SUBPIXELS // 2, 0], device=device)
        self._lowest = torch.tensor([2**62, self._end], device=device)

    def draw(self, key: Tensor) -> Tensor:
        """Draw a flight for each key: (B,) int64 -> (B, 5) int64."""
        across, velocity, row = ((integers(mix(key, _BALL), 3, self._limits) + self._least) * self._units).unbind(-1)
        flight = torch.stack([across, row, velocity, torch.full_like(key, self._fall), across], -1)
        time = torch.div(self._end - row + (self._fall - 1), self._fall, rounding_mode="floor")
        flight[:, 4] = self.locate(flight, time)[0]
        return flight

    def locate(self, flight: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Compute where balls are after some steps; a ball that has landed stays in the last row.

        Args:
            flight: (B, 5) int64.
            time: (B,) int64, numbers of steps.

        Returns:
            Columns and rows, (B,) int64 both.
        """
        straight = torch.addcmul(flight[:, :2], flight[:, 2:4], time[:, None]).minimum(self._lowest)
        # A bouncing ball's path is a straight line that is folded at both walls.
        folded = self._end - (straight.remainder_(2 * self._end) - self._end).abs_()
        column, row = ((folded + self._rounding) >> SUBPIXEL_BITS).unbind(-1)
        return column, row

    def draw_one(self, key: int) -> Flight:
        """Draw the flight that `draw` draws for one key."""
        own = mix_of_one(key, _BALL)
        across = integer_of_one(own, self._end + 1)
        velocity = integer_of_one(own, 2 * self._fastest + 1, 1) - self._fastest
        row = integer_of_one(own, self._first_rows, 2) * SUBPIXELS
        time = (self._end - row + self._fall - 1) // self._fall
        landing, _ = self.locate_one((across, row, velocity, self._fall, across), time)
        return across, row, velocity, self._fall, landing

    def locate_one(self, flight: Flight, time: int) -> tuple[int, int]:
        """Compute the column and the row of one ball; see `locate`."""
        across, down, velocity, fall, _ = flight
        folded = self._end - abs((across + velocity * time) % (2 * self._end) - self._end)
        return (folded + SUBPIXELS // 2) >> SUBPIXEL_BITS, min(down + fall * time, self._end) >> SUBPIXEL_BITS
